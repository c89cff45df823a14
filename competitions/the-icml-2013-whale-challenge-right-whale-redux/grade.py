from grading import Grader, Probability
from grading.metrics.classification import roc_auc

grader = Grader(id="clip", columns={"probability": Probability()}, metric=roc_auc)
