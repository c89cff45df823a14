from grading.shifted_classes import shift_grader

grader = shift_grader()
