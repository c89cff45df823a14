from grading import Grader, per_edition
from grading.metrics.classification import log_loss
from grading.rows import divided_by_sum, probability_per_class, sum_to_one

breeds = probability_per_class("id")

grader = per_edition(
    v1=Grader(id="id", columns=breeds, rows=sum_to_one(), metric=log_loss),
    v2=Grader(id="id", columns=breeds, rows=divided_by_sum, metric=log_loss),
)
