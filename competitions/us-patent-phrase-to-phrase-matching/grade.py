from grading import Grader, Real
from grading.metrics.correlation import pearson

grader = Grader(id="id", columns={"score": Real()}, metric=pearson)
