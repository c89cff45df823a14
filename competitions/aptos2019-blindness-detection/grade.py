from functools import partial

from grading import Grader, Integer, per_edition
from grading.metrics.classification import quadratic_weighted_kappa

grader = per_edition(
    v1=Grader(id="id_code", columns={"diagnosis": Integer()}, metric=quadratic_weighted_kappa),
    v2=Grader(
        id="id_code",
        columns={"diagnosis": Integer(0, 4)},
        metric=partial(quadratic_weighted_kappa, labels=range(5)),
    ),
)
