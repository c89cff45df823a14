from grading import Grader, Probability
from grading.metrics.classification import roc_auc

grader = Grader(id="id", columns={"target": Probability()}, metric=roc_auc)
