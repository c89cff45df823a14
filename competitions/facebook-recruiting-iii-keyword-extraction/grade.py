from grading import Grader, Text, per_edition
from grading.metrics.tokens import mean_f1, micro_f1_of_known

grader = per_edition(
    v1=Grader(id="Id", columns={"Tags": Text()}, metric=micro_f1_of_known),
    v2=Grader(id="Id", columns={"Tags": Text()}, metric=mean_f1),
)
