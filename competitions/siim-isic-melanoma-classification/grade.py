from grading import Grader, Probability
from grading.metrics.classification import roc_auc

grader = Grader(id="image_name", columns={"target": Probability()}, metric=roc_auc)
