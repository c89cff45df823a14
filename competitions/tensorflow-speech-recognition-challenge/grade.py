from grading import Grader, Label, Text, per_edition
from grading.metrics.classification import accuracy

LABELS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go", "silence", "unknown")

grader = per_edition(
    v1=Grader(id="fname", columns={"label": Text(allow_empty=False)}, metric=accuracy),
    v2=Grader(id="fname", columns={"label": Label(LABELS)}, metric=accuracy),
)
