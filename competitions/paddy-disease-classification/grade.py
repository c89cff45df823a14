from grading import Grader, Label, Text, per_edition
from grading.metrics.classification import accuracy

CLASSES = (
    "bacterial_leaf_blight", "bacterial_leaf_streak", "bacterial_panicle_blight", "blast", "brown_spot", "dead_heart",
    "downy_mildew", "hispa", "normal", "tungro",
)  # fmt: skip

grader = per_edition(
    v1=Grader(id="image_id", columns={"label": Text()}, metric=accuracy),
    v2=Grader(id="image_id", columns={"label": Label(CLASSES)}, metric=accuracy),
)
