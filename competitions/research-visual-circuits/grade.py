from grading.circuits import circuit_grader

grader = circuit_grader(units=64)
