"""A group's review as stored in its folder, `review.json`, and whether it is up to date.

Readers treat the file as untrusted, because it may come with a folder from elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from grading.printable import printable
from mlebench._support.files import move_aside, parse_own_json, write_json
from mlebench._support.plain_files import read_plain
from mlebench._support.yaml_model import describe
from mlebench.evidence.review.finding import LONGEST_QUOTE, Evidence, Level, ReviewFinding
from mlebench.evidence.review.outcome import GroupReview, Skipped
from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord, checked_time

REVIEW_FILE = "review.json"
"""In a group's folder."""
_LARGEST_FILE = 256 * 2**20
MOST_FINDINGS = 100_000
"""Of a group."""
MOST_PLACES = 1000
"""That show one finding."""
_MOST_RUNS = 100_000
_MOST_RULES = 1000
_MOST_MODELS = 100
_LONGEST_SENTENCE = 1000
_LONGEST_NAME = 4096
_OF_STATE = ("run_id", "attempt", "state", "started_at", "ended_at", "submission_sha256", "ledgers")


def state_of(record: RunRecord) -> str:
    """SHA-256 of what changes in a run when it is repeated, regraded with another file, or continues.

    A new report on the same file changes nothing.
    """
    told = {name: getattr(record, name) for name in _OF_STATE}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def write_review(group: Group, review: GroupReview) -> Path:
    """Store a review in the group's folder, replacing an earlier one; returns the file.

    Raises:
        OSError: it cannot be written.
    """
    path = group.folder / REVIEW_FILE
    move_aside(path)
    write_json(path, review.to_dict())
    return path


def read_review(group: Group) -> GroupReview | None:
    """The review in the group's folder; None if there is none.

    Raises:
        ValueError: there is one that this harness has not written, with the reason in one line.
    """
    try:
        return review_from_dict(parse_own_json(read_plain(group.folder / REVIEW_FILE, _LARGEST_FILE)))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(error.strerror or "it cannot be read") from None


def review_from_dict(content: Any) -> GroupReview:
    """Read back the result of `GroupReview.to_dict`; sentences are printable, and everything has bounded length.

    Raises:
        ValueError: it is not that, with the reason in one line.
    """
    try:
        kept = _Review.model_validate(content)
    except ValidationError as error:
        raise ValueError(printable(describe(error), _LONGEST_SENTENCE)) from None
    return GroupReview(
        group=kept.group,
        reviewed_at=kept.reviewed_at,
        states=kept.runs,
        rules=tuple(kept.rules),
        skipped=tuple(Skipped(entry.rule, entry.reason) for entry in kept.skipped),
        findings=tuple(entry.finding() for entry in kept.findings),
        similarity=None if kept.similarity is None else kept.similarity.model_dump(mode="json"),
        judgements=None if kept.judgements is None else kept.judgements.model_dump(mode="json"),
        familiarity=None if kept.familiarity is None else kept.familiarity.model_dump(mode="json"),
    )


def changed_since(review: GroupReview, group: Group) -> tuple[str, ...]:
    """Ids of the runs that have changed since the review, in the plan's order; all of them if the review is of another group."""
    seen = review.states if review.group == group.name else {}
    return tuple(record.run_id for record in group.records() if seen.get(record.run_id) != state_of(record))


def _sentence(text: str) -> str:
    return printable(text, _LONGEST_SENTENCE)


Name = Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME)]
Sentence = Annotated[str, AfterValidator(_sentence)]


class _Kept(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _HandedOn(BaseModel):
    """Keys that outputs show are checked, all others handed on as they are."""

    model_config = ConfigDict(extra="allow", frozen=True)


class _Evidence(_Kept):
    file: Name
    line: Annotated[int, Field(ge=1)] | None = None
    quote: str = ""


class _Finding(_Kept):
    rule: Name
    level: Level
    group: Name
    runs: Annotated[list[Name], Field(max_length=_MOST_RUNS)]
    text: Sentence
    evidence: Annotated[list[_Evidence], Field(max_length=MOST_PLACES)] = []

    def finding(self) -> ReviewFinding:
        shown = tuple(Evidence(entry.file, entry.line, printable(entry.quote, LONGEST_QUOTE)) for entry in self.evidence)
        return ReviewFinding(self.rule, self.level, self.group, tuple(self.runs), self.text, shown)


class _Skipped(_Kept):
    rule: Name
    reason: Sentence


class _Side(_HandedOn):
    kind: Literal["run", "agent", "notebook"]
    name: Name
    group: str = ""


class _Pair(_HandedOn):
    left: _Side
    right: _Side
    similarity: Annotated[float, Field(ge=0, le=1)]
    left_share: Annotated[float, Field(ge=0, le=1)]
    right_share: Annotated[float, Field(ge=0, le=1)]


class _Similarity(_HandedOn):
    threshold: Annotated[float, Field(ge=0, le=1)]
    notebooks: Annotated[int, Field(ge=0)]
    pairs: Annotated[list[_Pair], Field(max_length=MOST_FINDINGS)]


class _Kappa(_HandedOn):
    judges: Annotated[list[Name], Field(min_length=2, max_length=2)]
    question: Name | None
    runs: Annotated[int, Field(ge=0)]
    kappa: Annotated[float, Field(ge=-1, le=1)] | None
    reason: Sentence | None


class _Judgements(_HandedOn):
    judges: Annotated[list[Name], Field(max_length=_MOST_MODELS)]
    unanswered: Annotated[list[Sentence], Field(max_length=_MOST_RUNS)]
    kappa: Annotated[list[_Kappa], Field(max_length=_MOST_RUNS)]


class _Point(_Kept):
    competition: Name
    measure: Annotated[float, Field(ge=0, le=1)]
    score: Annotated[float, Field(ge=0, le=1)]


class _Correlation(_Kept):
    value: Annotated[float, Field(ge=-1, le=1)] | None
    interval: tuple[float, float] | None
    reason: Sentence | None = None


class _Relation(_Kept):
    points: Annotated[list[_Point], Field(max_length=_MOST_RUNS)]
    pearson: _Correlation
    spearman: _Correlation


class _Familiarity(_HandedOn):
    model: Name
    unanswered: Annotated[list[Sentence], Field(max_length=_MOST_RUNS)]
    against_scores: _Relation


class _Review(_Kept):
    model_config = ConfigDict(extra="ignore", frozen=True, title="its content")

    group: Name
    reviewed_at: Annotated[str, AfterValidator(checked_time)]
    runs: Annotated[Mapping[Name, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]], Field(max_length=_MOST_RUNS)]
    rules: Annotated[list[Name], Field(max_length=_MOST_RULES)]
    skipped: Annotated[list[_Skipped], Field(max_length=MOST_FINDINGS)] = []
    findings: Annotated[list[_Finding], Field(max_length=MOST_FINDINGS)] = []
    similarity: _Similarity | None = None
    judgements: _Judgements | None = None
    familiarity: _Familiarity | None = None
