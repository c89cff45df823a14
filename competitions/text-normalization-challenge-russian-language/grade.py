from grading import Grader, Text, per_edition
from grading.metrics.classification import accuracy

exact_tokens = Grader(id="id", columns={"after": Text()}, metric=accuracy)
grader = per_edition(v1=exact_tokens, v2=exact_tokens)
