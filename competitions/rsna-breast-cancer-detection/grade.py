from grading import Grader, Probability, Real, per_edition
from grading.metrics.classification import probabilistic_f1

grader = per_edition(
    v1=Grader(id="prediction_id", columns={"cancer": Real()}, metric=probabilistic_f1),
    v2=Grader(id="prediction_id", columns={"cancer": Probability()}, metric=probabilistic_f1),
)
