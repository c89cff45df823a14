from grading import Grader, Text
from grading.metrics.edit_distance import mean_levenshtein

grader = Grader(id="id", columns={"sentence": Text()}, metric=mean_levenshtein)
