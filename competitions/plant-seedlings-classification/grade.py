from grading import Grader, Label, Text, per_edition
from grading.metrics.classification import accuracy

from .species import SPECIES

# with one label per image, micro-averaged F1 is accuracy
grader = per_edition(
    v1=Grader(id="file", columns={"species": Text()}, metric=accuracy),
    v2=Grader(id="file", columns={"species": Label(SPECIES)}, metric=accuracy),
)
