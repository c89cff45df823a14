from grading import Grader, Integer, per_edition
from grading.metrics.classification import accuracy

grader = per_edition(
    v1=Grader(id="Id", columns={"Cover_Type": Integer()}, metric=accuracy),
    v2=Grader(id="Id", columns={"Cover_Type": Integer(minimum=1, maximum=7)}, metric=accuracy),
)
