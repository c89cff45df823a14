from grading import Grader, IntegerList, per_edition
from grading.metrics.edit_distance import token_error_rate

gestures = Grader(id="Id", columns={"Sequence": IntegerList()}, metric=token_error_rate)
grader = per_edition(v1=gestures, v2=gestures)
