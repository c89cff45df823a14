from grading import Grader, Probability, per_edition
from grading.metrics.classification import roc_auc
from grading.metrics.combine import mean_columnwise

LABELS = (
    "ETT - Abnormal", "ETT - Borderline", "ETT - Normal",
    "NGT - Abnormal", "NGT - Borderline", "NGT - Incompletely Imaged", "NGT - Normal",
    "CVC - Abnormal", "CVC - Borderline", "CVC - Normal", "Swan Ganz Catheter Present",
)  # fmt: skip


def grader_with(labels: tuple[str, ...]) -> Grader:
    return Grader(id="StudyInstanceUID", columns=dict.fromkeys(labels, Probability()), metric=mean_columnwise(roc_auc))


grader = per_edition(v1=grader_with(LABELS[:9]), v2=grader_with(LABELS))
