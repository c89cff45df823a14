"""The record of one graded submission and the totals over many: the JSON that runs write and people publish.

`from_dict` also reads reports published by other harnesses, which lack the keys starting with `edition`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, cast, get_args

from grading.medals import Board, Medal, Thresholds
from grading.printable import printable

DataKind = Literal["real", "mock"]
ErrorKind = Literal["missing", "not_csv", "invalid", "grader_error"]


@dataclass(frozen=True)
class CompetitionReport:
    """One graded submission, with fields in the order of the published JSON. Null means unknown."""

    competition_id: str
    score: float | None
    """Null if there is nothing to score; never NaN or infinite in JSON."""
    gold_threshold: float | None
    silver_threshold: float | None
    bronze_threshold: float | None
    median_threshold: float | None
    any_medal: bool
    gold_medal: bool
    silver_medal: bool
    bronze_medal: bool
    above_median: bool
    submission_exists: bool
    valid_submission: bool
    is_lower_better: bool
    created_at: datetime
    submission_path: str
    edition: str | None = None
    error: str | None = None
    """Why there is no score, as a sentence."""
    seed: int | None = None
    run_id: str | None = None
    rank: int | None = None
    leaderboard_size: int | None = None
    percentile: float | None = None
    error_kind: ErrorKind | None = None
    """missing: no file; not_csv: not a .csv; invalid: rejected by the checks; grader_error: a fault of the grader."""
    split_key_hash: str | None = None
    """Hash of the secret key that edition v2 was split with; null for the published constant."""
    instance_hash: str | None = None
    """Hash of the key that the competition's data was generated from; null if the data is not generated from a key."""
    data: DataKind | None = None
    """The data the score was reached on: real, or mock, which is synthetic and earns no medal; null if unknown."""
    competition_version: int | None = None
    """Version of the competition used for grading; null if unknown, as in reports of other harnesses."""
    suite: str | None = None
    """Name and version of the suite that the competition belongs to, such as `my-suite 2`; no key of the JSON without one."""

    @classmethod
    def from_score(
        cls,
        competition_id: str,
        score: float | None,
        board: Board,
        *,
        submission_path: str,
        submission_exists: bool = True,
        **extras: Any,
    ) -> CompetitionReport:
        """Place a score on its competition's leaderboard.

        Args:
            score: in the metric's units, rounded as for ranking. None if the submission is missing or
                invalid; a valid one whose score is NaN or infinite stays valid and earns nothing.
            board: thresholds, and the leaderboard for rank and percentile if known.
            extras: the other fields, such as `edition, error, error_kind, seed, run_id`.
        """
        valid = score is not None
        score = _finite(score)
        medal, above_median, standing = board.place(score)
        thresholds = board.thresholds
        return cls(
            competition_id=competition_id,
            score=score,
            gold_threshold=thresholds.gold if thresholds else None,
            silver_threshold=thresholds.silver if thresholds else None,
            bronze_threshold=thresholds.bronze if thresholds else None,
            median_threshold=thresholds.median if thresholds else None,
            any_medal=medal is not None,
            gold_medal=medal == "gold",
            silver_medal=medal == "silver",
            bronze_medal=medal == "bronze",
            above_median=above_median,
            submission_exists=submission_exists,
            valid_submission=valid,
            is_lower_better=board.lower_is_better,
            created_at=datetime.now(UTC),
            submission_path=submission_path,
            rank=standing.rank if standing else None,
            leaderboard_size=standing.size if standing else None,
            percentile=standing.percentile if standing else None,
            **extras,
        )

    @property
    def medal(self) -> Medal | None:
        """The medal that the score earned."""
        if not self.any_medal:
            return None
        if self.gold_medal:
            return "gold"
        return "silver" if self.silver_medal else "bronze"

    @property
    def thresholds(self) -> Thresholds | None:
        """The thresholds the score was compared with; None if any is unknown."""
        values = (self.gold_threshold, self.silver_threshold, self.bronze_threshold, self.median_threshold)
        if None in values:
            return None
        return Thresholds(*cast(tuple[float, float, float, float], values), lower_is_better=self.is_lower_better)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary with the keys in the contract's order."""
        # all fields are plain values and need no deep copy
        content = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        content["created_at"] = self.created_at.isoformat()
        if self.suite is None:
            del content["suite"]
        return {key: _finite(value) if isinstance(value, float) else value for key, value in content.items()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> CompetitionReport:
        """Read a report. Missing keys are unknown; keys of other harnesses are ignored.

        Raises:
            ValueError: not a report; the message says which key is missing or wrong.
        """
        if not isinstance(content, Mapping):
            raise ValueError(f"a grading report is an object, not {type(content).__name__}")
        missing = [key for key in ("competition_id", "any_medal") if key not in content]
        if missing:
            raise ValueError(f"a grading report needs `{missing[0]}`")
        competition_id = _text(content, "competition_id")
        if not competition_id:
            raise ValueError("`competition_id` is empty or not a string")
        numbers = ("score", "gold_threshold", "silver_threshold", "bronze_threshold", "median_threshold", "percentile")
        flags = ("any_medal", "gold_medal", "silver_medal", "bronze_medal", "above_median", "is_lower_better")
        wholes = ("seed", "rank", "leaderboard_size", "competition_version")
        texts = ("edition", "error", "run_id", "split_key_hash", "instance_hash", "suite")
        values: dict[str, Any] = {
            **{key: _number(content, key) for key in numbers},
            **{key: _flag(content, key, False) for key in flags},
            **{key: _whole(content, key) for key in wholes},
            **{key: _text(content, key) for key in texts},
        }
        valid = _flag(content, "valid_submission", values["score"] is not None)
        return cls(
            competition_id=competition_id,
            valid_submission=valid,
            submission_exists=_flag(content, "submission_exists", valid),
            created_at=_time(content.get("created_at")),
            submission_path=_text(content, "submission_path") or "",
            error_kind=_one_of(ErrorKind, content.get("error_kind")),
            data=_one_of(DataKind, content.get("data")),
            **values,
        )


@dataclass(frozen=True)
class AggregateReport(dict[str, Any]):
    """Totals over reports, one report per run.

    It is also the dictionary that `to_dict` returns, for programs that read it by key or write it as JSON.
    """

    total_runs: int
    total_runs_with_submissions: int
    total_valid_submissions: int
    total_medals: int
    total_gold_medals: int
    total_silver_medals: int
    total_bronze_medals: int
    total_above_median: int
    competition_reports: tuple[CompetitionReport, ...] = field(default=())

    def __post_init__(self) -> None:
        self.update(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary; `competition_reports` is the list of the single reports."""
        content: dict[str, Any] = {
            entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self) if entry.name != "competition_reports"
        }
        return content | {"competition_reports": [report.to_dict() for report in self.competition_reports]}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> AggregateReport:
        """Read an aggregate; the totals are recomputed from its reports.

        Raises:
            ValueError: not an aggregate, or one of its reports is invalid; the message says which.
        """
        entries = content.get("competition_reports") if isinstance(content, Mapping) else None
        if not isinstance(entries, list):
            raise ValueError("an aggregate report needs the list `competition_reports`")
        reports = []
        for number, entry in enumerate(entries):
            try:
                reports.append(CompetitionReport.from_dict(entry))
            except ValueError as error:
                raise ValueError(f"competition_reports[{number}]: {error}") from None
        return aggregate_reports(reports)


def aggregate_reports(competition_reports: Iterable[CompetitionReport]) -> AggregateReport:
    """Count submissions and medals over reports.

    Args:
        competition_reports: The reports, one per run.

    Returns:
        The totals, which are also the dictionary of their JSON.

    Example:
        >>> mlebench.aggregate_reports([]).total_runs
        0
    """
    runs = tuple(competition_reports)
    return AggregateReport(
        total_runs=len(runs),
        total_runs_with_submissions=sum(run.submission_exists for run in runs),
        total_valid_submissions=sum(run.valid_submission for run in runs),
        total_medals=sum(run.any_medal for run in runs),
        total_gold_medals=sum(run.gold_medal for run in runs),
        total_silver_medals=sum(run.silver_medal for run in runs),
        total_bronze_medals=sum(run.bronze_medal for run in runs),
        total_above_median=sum(run.above_median for run in runs),
        competition_reports=runs,
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _number(content: Mapping[str, Any], key: str) -> float | None:
    value = content.get(key)
    if value is None:
        return None
    try:
        if not isinstance(value, bool | str):
            return _finite(float(value))
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"`{key}` is {_shown(value)}, not a number")


def _whole(content: Mapping[str, Any], key: str) -> int | None:
    value = _number(content, key)
    if value is not None and not value.is_integer():
        raise ValueError(f"`{key}` is {value}, not a whole number")
    return None if value is None else int(value)


def _flag(content: Mapping[str, Any], key: str, unknown: bool) -> bool:
    value = content.get(key)
    if value is None:
        return unknown
    if value in (0, 1):
        return bool(value)
    raise ValueError(f"`{key}` is {_shown(value)}, not true or false")


def _text(content: Mapping[str, Any], key: str) -> str | None:
    value = content.get(key)
    if value is None or isinstance(value, str):
        return value
    raise ValueError(f"`{key}` is {_shown(value)}, not a string")


def _time(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        moment = datetime.fromisoformat(value) if value else datetime.fromtimestamp(0, UTC)
        moment.timestamp()  # years that this machine's calendar cannot represent
        return moment
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"`created_at` is {_shown(value)}, not an ISO 8601 time") from None


def _shown(value: Any) -> str:
    """A value for a message, shortened if it is large."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 100:
        return "a huge number"
    return printable(repr(value))


def _one_of(words: Any, value: Any) -> Any:
    """The value if it is one of the words of a `Literal`."""
    return value if isinstance(value, str) and value in get_args(words) else None
