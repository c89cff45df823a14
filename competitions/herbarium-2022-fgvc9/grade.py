from grading import Grader, Integer, per_edition
from grading.metrics.classification import macro_f1, macro_f1_over_truth

species = {"Predicted": Integer(minimum=0)}

grader = per_edition(
    v1=Grader(id="Id", columns=species, metric=macro_f1),
    v2=Grader(id="Id", columns=species, metric=macro_f1_over_truth),
)
