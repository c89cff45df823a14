from grading import Grader, Real
from grading.metrics.classification import roc_auc
from grading.metrics.combine import mean_columnwise

grader = Grader(id="id", columns={"EC1": Real(), "EC2": Real()}, metric=mean_columnwise(roc_auc))
