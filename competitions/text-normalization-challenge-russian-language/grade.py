from grading import Grader, Text, per_edition
from grading.metrics.classification import accuracy

grader = per_edition(
    v1=Grader(id="id", columns={"after": Text(missing_words=True)}, metric=accuracy),
    v2=Grader(id="id", columns={"after": Text()}, metric=accuracy),
)
