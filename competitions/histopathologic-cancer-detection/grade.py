from grading import Grader, Probability
from grading.metrics.classification import roc_auc

grader = Grader(id="id", columns={"label": Probability()}, metric=roc_auc)
