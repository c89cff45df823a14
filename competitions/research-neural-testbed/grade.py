from grading.function_samples import joint_prediction_grader

grader = joint_prediction_grader()
