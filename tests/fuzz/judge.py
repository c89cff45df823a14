"""What must hold for any file: one verdict in bounded time and memory, never a crash, and no score for what is not understood."""

from __future__ import annotations

import csv
import math
import random
import resource
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

from grading import InvalidSubmission
from mlebench.grade import grade_csv, validate_submission
from mlebench.registry import Competition
from tests.fuzz.mutations import Draft, drafted, harmless, hostile
from tests.fuzz.strict import Refused, Strict, check

MOST_SECONDS = 5.0
MOST_BYTES = 1_000_000_000
LONGEST_MESSAGE = 2_000
BEST_IS_ROUNDED = 1e-4
PUBLIC_EVERY = 20
"""One file in so many also goes through the public functions, which do more than the grader itself."""


@dataclass(frozen=True)
class Fault:
    """Something that must not happen."""

    case: int
    what: str
    data: bytes


class Judge:
    """Grades changed submissions of one competition.

    Args:
        competition: prepared.
        seed: the same seed and number make the same file.
        folder: where files are written.
    """

    def __init__(self, competition: Competition, seed: int, folder: Path) -> None:
        self.competition = competition
        self.seed = seed
        self.path = folder / f"{competition.id}-{competition.edition.name}.csv"
        self.grader = competition.grader
        self.answers = competition.answers_table
        self.needed = [*self.grader.id_columns, *self.grader.columns_of(self.answers)]
        perfect = self.grader.perfect_submission(self.answers).to_csv(index=False).encode()
        self.drafts = [self._trimmed(drafted(perfect)), self._trimmed(drafted(competition.sample_submission.read_bytes()))]
        self.scores = [self._score(draft.written()) for draft in self.drafts]
        self.base_memory = peak_memory()

    def _trimmed(self, draft: Draft) -> Draft:
        """The draft without columns that nobody reads, which would take most of the changes."""
        kept = [k for k, name in enumerate(draft.header) if name in self.needed or name in ("toxicity", "Date")]
        order = sorted(kept, key=lambda k: draft.header[k] not in self.grader.id_columns)
        return Draft([draft.header[k] for k in order], [[row[k] for k in order] for row in draft.rows])

    def case(self, number: int) -> tuple[bytes, float | None]:
        """The file of a number, and the score that it must have where it is a valid submission in other bytes."""
        rng = random.Random(f"{self.competition.id} {self.competition.edition.name} {self.seed} {number}")
        which = rng.randrange(2)
        if rng.random() < 0.05:
            return harmless(self.drafts[which], rng), self.scores[which]
        return hostile(self.drafts[which], rng), None

    def fault(self, number: int) -> Fault | None:
        """What goes wrong with the file of a number, if anything does."""
        data, expected = self.case(number)
        what = self._wrong_with(data, expected, public=number % PUBLIC_EVERY == 0)
        return None if what is None else Fault(number, what, data)

    def _wrong_with(self, data: bytes, expected: float | None, *, public: bool) -> str | None:
        self.path.write_bytes(data)
        begun = time.process_time()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                score, error = self.grader.score_file(self.path, self.answers), None
            except InvalidSubmission as invalid:
                score, error = None, str(invalid)
            except Exception as crash:
                return f"crash: {type(crash).__name__}: {str(crash)[:200]}"
        seconds = time.process_time() - begun
        if said:
            return f"warning: {said[0].category.__name__}: {str(said[0].message)[:150]}"
        if seconds > MOST_SECONDS:
            return f"slow: {seconds:.1f} s for {len(data):,} bytes"
        if peak_memory() - self.base_memory > MOST_BYTES:
            self.base_memory = peak_memory()
            return f"memory: {peak_memory():,} bytes for {len(data):,}"
        if public:
            disagreement = self._disagreement(score, error)
            if disagreement:
                return disagreement
        if expected is not None and (score is None or not math.isclose(score, expected, rel_tol=1e-9, abs_tol=1e-12)):
            return f"a valid submission in other bytes: {error or score} instead of {expected}"
        return self._bad_message(error) if error is not None else self._scored_by_accident(data, score)

    def _disagreement(self, score: float | None, error: str | None) -> str | None:
        report = grade_csv(self.path, self.competition)
        valid, message = validate_submission(self.path, self.competition)
        if report.error_kind not in (None, "invalid"):
            return f"grade_csv says {report.error_kind}: {report.error}"
        if (
            (report.score is not None) != valid
            or valid != (error is None)
            or (error is not None and not error == report.error == message)
        ):
            return f"verdicts differ: {error or score}; grade_csv {report.error or report.score}; validate {message}"
        return None

    def _bad_message(self, error: str) -> str | None:
        if len(error) > LONGEST_MESSAGE:
            return f"message of {len(error):,} characters"
        return None if error.isprintable() else f"message with control characters: {error[:200]!r}"

    def _scored_by_accident(self, data: bytes, score: float | None) -> str | None:
        if score is None or not math.isfinite(score):
            return f"the score is {score}"
        best = self.competition.facts.metric.best
        if best is not None and (best - score if self.competition.is_lower_better else score - best) > BEST_IS_ROUNDED:
            return f"a score of {score}, better than the best possible"
        try:
            table = Strict(data)
            check(table, self.grader, self.answers)
            plain = table.rewritten([name for name in [*self.needed, "toxicity", "Date"] if name in table.header])
        except (Refused, csv.Error) as refused:
            return f"valid by accident: {refused}"
        again = self._score(plain) if plain != data else score
        return (
            None if math.isclose(again, score, rel_tol=1e-9, abs_tol=1e-12) else f"scored {score}, but {again} as read strictly"
        )

    def _score(self, data: bytes) -> float:
        self.path.write_bytes(data)
        try:
            return self.grader.score_file(self.path, self.answers)
        except InvalidSubmission:
            return math.nan


def peak_memory() -> int:
    """Bytes that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
