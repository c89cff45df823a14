from grading import Grader, Label, Text, per_edition
from grading.metrics.classification import accuracy

from .diseases import DISEASES

grader = per_edition(
    v1=Grader(id="image_id", columns={"label": Text()}, metric=accuracy),
    v2=Grader(id="image_id", columns={"label": Label(DISEASES)}, metric=accuracy),
)
