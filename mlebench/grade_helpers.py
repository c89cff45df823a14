"""Names that programs written for the published harness import: graders, reports and the error of a bad submission."""

from grading import CompetitionReport, Grader
from grading import InvalidSubmission as InvalidSubmissionError

__all__ = ["CompetitionReport", "Grader", "InvalidSubmissionError"]
