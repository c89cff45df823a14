from grading import Grader, Real
from grading.metrics.regression import rmse

grader = Grader(id="key", columns={"fare_amount": Real()}, metric=rmse)
