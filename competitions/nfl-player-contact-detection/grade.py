from grading import Boolean, Grader
from grading.metrics.classification import matthews_correlation

grader = Grader(id="contact_id", columns={"contact": Boolean()}, metric=matthews_correlation)
