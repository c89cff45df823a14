"""What a grading process is asked, pickled by the harness and read by the process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlebench.grade.limits import Limits
from mlebench.grade.one import Judgement, Submission

if TYPE_CHECKING:
    from mlebench.registry import Competition

QuestionKind = Literal["grade", "check", "load"]
"""`load` asks for the competition's code alone."""


@dataclass(frozen=True)
class Question:
    """One submission of one competition."""

    kind: QuestionKind
    competition: Competition
    submission: Submission
    limits: Limits
    working_dir: str
    """What a relative path counts from."""
    log_level: int
    live_thresholds: bool = False
    found: Judgement | None = None
    """What became of the submission, where that is known and only the report is wanted."""
