from grading import Grader, IntegerList
from grading.metrics.edit_distance import token_error_rate

grader = Grader(id="Id", columns={"Sequence": IntegerList()}, metric=token_error_rate)
