from grading import Grader, Probability, per_edition
from grading.metrics.classification import roc_auc
from grading.repeats import tell_repeats_apart

from .columns import LABELLED

grader = per_edition(
    v1=Grader(
        id="Comment",
        public=("Date",),
        columns={"Insult": Probability()},
        metric=roc_auc,
        adapt=tell_repeats_apart("Comment", by="Date"),
        optional=("Date",),
        perfect=lambda answers: answers[LABELLED],
    ),
    v2=Grader(id="id", columns={"Insult": Probability()}, metric=roc_auc),
)
