from grading import Grader, Real
from grading.metrics.regression import rmse

grader = Grader(id="id", columns={"progression": Real(minimum=0)}, metric=rmse)
