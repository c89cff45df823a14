from grading import Grader, Probability
from grading.metrics.classification import roc_auc

grader = Grader(id="Id", columns={"Probability": Probability()}, metric=roc_auc)
