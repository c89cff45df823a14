from grading import Grader, Integer
from grading.metrics.classification import accuracy

grader = Grader(id="_id", columns={"category_id": Integer()}, metric=accuracy)
