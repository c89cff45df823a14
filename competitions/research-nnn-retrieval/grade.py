from grading import Grader, Integer
from grading.metrics.classification import accuracy
from grading.metrics.combine import mean_over_groups

from .retrieval import ITEMS

grader = Grader(
    id="query_id",
    columns={"item": Integer(0, ITEMS - 1)},
    table_metric=lambda answers, submission: (
        100
        * mean_over_groups(accuracy, answers["item"].to_numpy(), submission["item"].to_numpy(), answers["instance"].to_numpy())
    ),
)
