from grading import Grader, Text, per_edition
from grading.metrics.tokens import mean_average_precision

grader = per_edition(
    v1=Grader(id="Image", columns={"Id": Text()}, metric=mean_average_precision(5, separator=" ")),
    v2=Grader(id="Image", columns={"Id": Text(allow_empty=False)}, metric=mean_average_precision(5)),
)
