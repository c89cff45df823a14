from grading import Grader, Text
from grading.metrics.classification import accuracy

grader = Grader(id="row_id", columns={"output": Text()}, metric=accuracy)
