from grading import Grader, Probability
from grading.metrics.classification import roc_auc

grader = Grader(id="BraTS21ID", columns={"MGMT_value": Probability()}, metric=roc_auc)
