from grading import Grader, Text, per_edition
from grading.metrics.edit_distance import mean_levenshtein

sentences = Grader(id="id", columns={"sentence": Text()}, metric=mean_levenshtein)
grader = per_edition(v1=sentences, v2=sentences)
