from grading import Grader
from grading.metrics.classification import log_loss
from grading.rows import divided_by_sum, probability_per_class

grader = Grader(id="id", columns=probability_per_class("id"), rows=divided_by_sum, metric=log_loss)
