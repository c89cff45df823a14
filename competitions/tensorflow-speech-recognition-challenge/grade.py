from grading import Grader, Label, Text, per_edition
from grading.metrics.classification import accuracy

from .words import COMMANDS

LABELS = (*COMMANDS, "silence", "unknown")

grader = per_edition(
    v1=Grader(id="fname", columns={"label": Text(allow_empty=False)}, metric=accuracy),
    v2=Grader(id="fname", columns={"label": Label(LABELS)}, metric=accuracy),
)
