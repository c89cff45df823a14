from grading import Grader, Label, Text, per_edition
from grading.metrics.classification import accuracy

SPECIES = (
    "Black-grass", "Charlock", "Cleavers", "Common Chickweed", "Common wheat", "Fat Hen", "Loose Silky-bent", "Maize",
    "Scentless Mayweed", "Shepherds Purse", "Small-flowered Cranesbill", "Sugar beet",
)  # fmt: skip

# with one label per image, micro-averaged F1 is accuracy
grader = per_edition(
    v1=Grader(id="file", columns={"species": Text()}, metric=accuracy),
    v2=Grader(id="file", columns={"species": Label(SPECIES)}, metric=accuracy),
)
