from grading import Grader, Integer, per_edition
from grading.metrics.classification import macro_f1, macro_f1_over_truth

LAST_CLASS = 22

grader = per_edition(
    v1=Grader(id="Id", columns={"Category": Integer()}, metric=macro_f1),
    v2=Grader(id="Id", columns={"Category": Integer(0, LAST_CLASS)}, metric=macro_f1_over_truth),
)
