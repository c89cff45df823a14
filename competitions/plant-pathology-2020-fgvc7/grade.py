from grading import Grader, Real
from grading.metrics.classification import roc_auc
from grading.metrics.combine import mean_columnwise

from .classes import CLASSES

grader = Grader(
    id="image_id",
    columns=dict.fromkeys(CLASSES, Real()),
    metric=mean_columnwise(roc_auc),
)
