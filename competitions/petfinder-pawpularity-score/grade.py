from grading import Grader, Real, per_edition
from grading.metrics.regression import rmse

grader = per_edition(
    v1=Grader(id="Id", columns={"Pawpularity": Real(1, 100)}, metric=rmse),
    v2=Grader(id="Id", columns={"Pawpularity": Real()}, metric=rmse),
)
