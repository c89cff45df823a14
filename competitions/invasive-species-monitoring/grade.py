from grading import Grader, Probability
from grading.metrics.classification import roc_auc

grader = Grader(id="name", columns={"invasive": Probability()}, metric=roc_auc)
