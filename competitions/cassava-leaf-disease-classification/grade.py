from grading import Grader, Integer, per_edition
from grading.metrics.classification import accuracy

grader = per_edition(
    v1=Grader(id="image_id", columns={"label": Integer()}, metric=accuracy),
    v2=Grader(id="image_id", columns={"label": Integer(0, 4)}, metric=accuracy),
)
