"""A grader whose code was written for the published harness, used by this one."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grading.invalid import InvalidSubmission
from grading.published_grader import PublishedGrader

if TYPE_CHECKING:
    import pandas as pd

    from grading.published_grader import GradeFunction

_log = logging.getLogger(__name__)
_LONGEST_CELL = 2**20


class ForeignGrader(PublishedGrader):
    """Reads tables as the published harness does, and takes every failure of the function for the submission's own.

    Such a function refuses submissions by whatever it raises (an `AssertionError`, a `KeyError`), so that its own faults cannot
    be told from theirs. What it raises may depend on the answers, so a check does not call it: the form is that of the sample
    submission, its columns and its ids.
    """

    def __init__(self, name: str, grade_fn: GradeFunction, lower_is_better: bool | None, sample: Path) -> None:
        """Make a grader of a function.

        Args:
            name: of the metric.
            grade_fn: `grade_fn(submission, answers)`, which returns a score or raises.
            lower_is_better: direction of the score, where it is known.
            sample: the public sample submission, whose first column holds the ids.
        """
        super().__init__(name, grade_fn, lower_is_better)
        self._sample = sample

    def check(self, submission: pd.DataFrame, answers: Any) -> None:
        """Check that a submission has the columns and the ids of the sample submission; the function is not called.

        Raises:
            InvalidSubmission: it lacks a column, or has other ids, or an id another number of times.
            OSError: the sample submission cannot be read.
        """
        import pandas as pd

        self._check(submission, pd.read_csv(self._sample, float_precision="round_trip"))

    def check_file(self, path: Path, answers: Any) -> None:
        """Read a submission and check it; errors are those of `read` and `check`."""
        import pandas as pd

        sample = pd.read_csv(self._sample, float_precision="round_trip")
        self._check(self.read(path, sample), sample)

    def _check(self, submission: pd.DataFrame, sample: pd.DataFrame) -> None:
        from grading.repeats import tell_repeats_apart
        from grading.submission import AskedIds, align

        id, *others = map(str, sample.columns)
        submission, known = tell_repeats_apart(id)(submission, sample.rename(columns=str))
        align(submission, AskedIds(known, (id,)), others)

    def read(self, path: Path, answers: Any = None) -> Any:
        """Read a submission, or without `answers` the answers themselves: the table of a csv, the objects of a jsonl file.

        Args:
            path: the file.
            answers: what has a row for each of a correct submission, and its columns; shows how large that may be.

        Raises:
            InvalidSubmission: if the file is not a table.
        """
        if answers is None and path.suffix == ".jsonl":
            with path.open(encoding="utf-8") as lines:
                return [json.loads(line) for line in lines if line.strip()]
        import pandas as pd

        if answers is not None:
            from grading.extent import Extent
            from grading.table import measure

            names, rows = tuple(map(str, getattr(answers, "columns", ()))), len(answers)
            measure(path, Extent(names, most_rows=2 * rows + 10_000, longest_cell=_LONGEST_CELL, rows=lambda: rows))
        try:
            return pd.read_csv(path, float_precision="round_trip")
        except ValueError as error:
            raise InvalidSubmission(f"it cannot be read as a csv table ({type(error).__name__})") from None

    def score_file(self, path: Path, answers: Any) -> float:
        """Read a submission and score it; errors are those of `read` and `score`."""
        return self.score(self.read(path, answers), answers)

    def score(self, submission: pd.DataFrame, answers: pd.DataFrame) -> float:
        """Score a submission.

        Raises:
            InvalidSubmission: if the function raises, whatever it is; its words are shown only where it meant them for this. Also
                if what it returns is not a finite number.
        """
        try:
            value = super().score(submission, answers)
        except (InvalidSubmission, MemoryError):
            raise
        # some leave the program where a submission is bad
        except (Exception, SystemExit) as error:
            _log.info("the grade function %r raised", self.name, exc_info=True)
            raise InvalidSubmission(f"the competition's grader cannot score it ({type(error).__name__})") from None
        if not math.isfinite(value):
            raise InvalidSubmission(f"the competition's grader gives it {value}, which is not a score")
        return value
