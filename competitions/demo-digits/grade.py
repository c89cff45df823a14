from grading import Grader, Integer
from grading.metrics.classification import accuracy

grader = Grader(id="id", columns={"digit": Integer(0, 9)}, metric=accuracy)
