from grading import Grader, per_edition
from grading.metrics.classification import kaggle_log_loss, log_loss
from grading.rows import divided_by_sum, probability_per_class, sum_to_one

species = probability_per_class("id")

grader = per_edition(
    v1=Grader(id="id", columns=species, rows=sum_to_one(), metric=log_loss),
    v2=Grader(id="id", columns=species, rows=divided_by_sum, metric=kaggle_log_loss),
)
