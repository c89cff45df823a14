from grading import Grader, Text, per_edition
from grading.metrics.tokens import mean_jaccard

metric = mean_jaccard(both_empty=1.0)

grader = per_edition(
    v1=Grader(id="textID", columns={"selected_text": Text(missing_words=True)}, metric=metric),
    v2=Grader(id="textID", columns={"selected_text": Text()}, metric=metric),
)
