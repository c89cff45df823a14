from grading import Grader, Text, per_edition
from grading.metrics.tokens import mean_jaccard

shared_words = Grader(id="id", columns={"PredictionString": Text()}, metric=mean_jaccard(both_empty=0.0))
grader = per_edition(v1=shared_words, v2=shared_words)
