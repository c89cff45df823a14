from grading import Grader, Probability, Real, per_edition
from grading.metrics.classification import kaggle_log_loss, log_loss
from grading.rows import divided_by_sum, sum_to_one

from .authors import AUTHORS

grader = per_edition(
    v1=Grader(id="id", columns=dict.fromkeys(AUTHORS, Probability()), rows=sum_to_one(), metric=log_loss),
    v2=Grader(id="id", columns=dict.fromkeys(AUTHORS, Real(minimum=0)), rows=divided_by_sum, metric=kaggle_log_loss),
)
