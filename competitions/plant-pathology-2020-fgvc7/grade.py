from grading import Grader, Real
from grading.metrics.classification import roc_auc
from grading.metrics.combine import mean_columnwise

grader = Grader(
    id="image_id",
    columns=dict.fromkeys(["healthy", "multiple_diseases", "rust", "scab"], Real()),
    metric=mean_columnwise(roc_auc),
)
