from grading import Grader, Integer, per_edition
from grading.metrics.classification import macro_f1, macro_f1_over_truth

grader = per_edition(
    v1=Grader(id="Id", columns={"Predicted": Integer()}, metric=macro_f1),
    v2=Grader(id="Id", columns={"Predicted": Integer(minimum=0)}, metric=macro_f1_over_truth),
)
