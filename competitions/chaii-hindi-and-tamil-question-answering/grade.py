from grading import Grader, Text, per_edition
from grading.metrics.tokens import mean_jaccard

metric = mean_jaccard(both_empty=0.0)

grader = per_edition(
    v1=Grader(id="id", columns={"PredictionString": Text(missing_words=True)}, metric=metric),
    v2=Grader(id="id", columns={"PredictionString": Text()}, metric=metric),
)
