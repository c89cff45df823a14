from grading import Grader, IntegerList, Text, per_edition
from grading.metrics.tokens import micro_f1, micro_f1_of_known

LAST_ATTRIBUTE = 3473

grader = per_edition(
    v1=Grader(id="id", columns={"attribute_ids": Text()}, metric=micro_f1_of_known),
    v2=Grader(id="id", columns={"attribute_ids": IntegerList(0, LAST_ATTRIBUTE)}, metric=micro_f1),
)
