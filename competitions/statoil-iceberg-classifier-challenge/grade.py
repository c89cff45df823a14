from grading import Grader, Probability
from grading.metrics.classification import log_loss

grader = Grader(id="id", columns={"is_iceberg": Probability()}, metric=log_loss)
