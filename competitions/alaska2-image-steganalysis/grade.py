from grading import Grader, Real
from grading.metrics.classification import weighted_roc_auc

low_false_alarms = weighted_roc_auc(thresholds=(0.0, 0.4, 1.0), weights=(2.0, 1.0))

grader = Grader(id="Id", columns={"Label": Real()}, metric=low_false_alarms)
