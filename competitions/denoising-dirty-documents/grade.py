from grading import Grader, Real
from grading.metrics.regression import rmse

grader = Grader(id="id", columns={"value": Real()}, metric=rmse)
