"""Names that programs written for the published harness import: graders, reports and the error of a bad submission."""

from grading import CompetitionReport
from grading import InvalidSubmission as InvalidSubmissionError
from grading.published_grader import PublishedGrader as Grader

__all__ = ["CompetitionReport", "Grader", "InvalidSubmissionError"]
