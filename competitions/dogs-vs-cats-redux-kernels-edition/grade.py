from grading import Grader, Probability, per_edition
from grading.metrics.classification import kaggle_log_loss, log_loss

dog = {"label": Probability()}

grader = per_edition(
    v1=Grader(id="id", columns=dog, metric=log_loss),
    v2=Grader(id="id", columns=dog, metric=kaggle_log_loss),
)
