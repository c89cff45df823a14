from grading import Boolean, Grader
from grading.metrics.classification import accuracy

grader = Grader(id="PassengerId", columns={"Transported": Boolean()}, metric=accuracy)
