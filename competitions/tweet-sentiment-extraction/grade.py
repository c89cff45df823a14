from grading import Grader, Text, per_edition
from grading.metrics.tokens import mean_jaccard

shared_words = Grader(id="textID", columns={"selected_text": Text()}, metric=mean_jaccard(both_empty=1.0))
grader = per_edition(v1=shared_words, v2=shared_words)
