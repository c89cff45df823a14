from grading import Grader, Probability, per_edition
from grading.metrics.classification import roc_auc
from grading.metrics.combine import mean_columnwise

from .labels import LABELS, V1_LABELS


def grader_with(labels: list[str]) -> Grader:
    return Grader(id="StudyInstanceUID", columns=dict.fromkeys(labels, Probability()), metric=mean_columnwise(roc_auc))


grader = per_edition(v1=grader_with(V1_LABELS), v2=grader_with(LABELS))
