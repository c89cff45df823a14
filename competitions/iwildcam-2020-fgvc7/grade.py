from grading import Grader, Integer, per_edition
from grading.metrics.classification import accuracy

from .categories import LAST_CATEGORY

grader = per_edition(
    v1=Grader(id="Id", columns={"Category": Integer()}, metric=accuracy),
    v2=Grader(id="Id", columns={"Category": Integer(0, LAST_CATEGORY)}, metric=accuracy),
)
