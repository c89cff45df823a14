from grading import Grader, Probability, Real, per_edition
from grading.metrics.classification import log_loss
from grading.rows import divided_by_sum, sum_to_one

from .columns import VERDICTS

grader = per_edition(
    # the published grader rounds the sum to six decimals
    v1=Grader(id="id", columns=dict.fromkeys(VERDICTS, Probability()), rows=sum_to_one(5e-7), metric=log_loss),
    v2=Grader(id="id", columns=dict.fromkeys(VERDICTS, Real(minimum=0)), rows=divided_by_sum, metric=log_loss),
)
