from functools import partial

from grading import Grader, Integer, per_edition
from grading.metrics.classification import quadratic_weighted_kappa

grader = per_edition(
    v1=Grader(id="essay_id", columns={"score": Integer()}, metric=quadratic_weighted_kappa),
    v2=Grader(id="essay_id", columns={"score": Integer(1, 6)}, metric=partial(quadratic_weighted_kappa, labels=range(1, 7))),
)
