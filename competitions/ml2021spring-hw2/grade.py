from grading import Grader, Integer, per_edition
from grading.metrics.classification import accuracy

grader = per_edition(
    v1=Grader(id="Id", columns={"ClassId": Integer()}, metric=accuracy),
    v2=Grader(id="Id", columns={"ClassId": Integer(minimum=0, maximum=38)}, metric=accuracy),
)
