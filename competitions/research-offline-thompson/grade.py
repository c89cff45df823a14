from grading.function_samples import bandit_grader

grader = bandit_grader()
