from grading import Grader, Probability
from grading.metrics.classification import roc_auc

grader = Grader(id="request_id", columns={"requester_received_pizza": Probability()}, metric=roc_auc)
