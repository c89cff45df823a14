from grading import Grader, Integer, per_edition
from grading.metrics.classification import accuracy

LAST_CLASS = 675

grader = per_edition(
    v1=Grader(id="Id", columns={"Category": Integer()}, metric=accuracy),
    v2=Grader(id="Id", columns={"Category": Integer(0, LAST_CLASS)}, metric=accuracy),
)
