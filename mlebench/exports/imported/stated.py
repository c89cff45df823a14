"""What another harness states of a result, as a grading report: held to itself, and to the thresholds here where they agree."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from grading.printable import printable
from grading.report import CompetitionReport
from mlebench.errors import MlebenchError
from mlebench.evidence.agreement import settled
from mlebench.registry import Competition

FLAGS = ("any_medal", "gold_medal", "silver_medal", "bronze_medal", "above_median")
_MEDALS = FLAGS[1:4]
_KEPT = (*FLAGS, "score", "percentile", "rank", "leaderboard_size", "valid_submission", "submission_exists")
_OF_DATA = ("instance_hash", "competition_version", "data")
_THRESHOLDS = ("gold_threshold", "silver_threshold", "bronze_threshold", "median_threshold", "is_lower_better")
_MOST = 1e15
_LONGEST_ERROR = 1000
COMPARED = ("score", "valid_submission", *FLAGS)
"""What grading here is compared in with what was stated."""


class Stated(NamedTuple):
    """A report of what was stated."""

    report: CompetitionReport
    notes: tuple[str, ...]
    """Where it contradicts itself or the thresholds here; clauses."""


def stated_report(
    competition: Competition,
    key_hash: str | None,
    figures: Mapping[str, Any],
    *,
    tool: str,
    run_id: str,
    seed: int,
    ended_at: datetime,
    has_submission: bool,
) -> Stated:
    """The report of a run.

    Thresholds are unknown unless those of the competition here make of the score what was stated.

    Args:
        competition: that was worked on.
        key_hash: of the secret key that its data was split with.
        figures: by the keys of a report; anything may stand there.
        tool: what people call the other harness.
        run_id: of the run.
        seed: of the run.
        ended_at: when the result was known.
        has_submission: whether the file that was submitted is at hand.

    Raises:
        ValueError: it states no result, or what it states cannot be.
    """
    known = _known(figures)
    if figures.get("competition_id", competition.id) != competition.id:
        raise ValueError(f"its report is for {printable(str(figures['competition_id']), 80)}, but its task is {competition.id}")
    if known.get("score") is None and known.get("any_medal") is None and known.get("valid_submission") is not False:
        raise ValueError("it states neither a score nor whether there was a medal")
    if known.get("valid_submission") is False:
        # formats that take numbers alone write something in the place of a score that is not there
        known = {key: value for key, value in known.items() if key not in ("score", "percentile", "rank", "leaderboard_size")}
    told = {key: figures[key] for key in _OF_DATA if figures.get(key) is not None}
    if not _is_version(version := told.get("competition_version")):
        raise ValueError(f"`competition_version` is {printable(repr(version), 40)}, not a version")
    if isinstance(instance := told.get("instance_hash"), str):
        told["instance_hash"] = printable(instance)
    known |= {"submission_exists": known.get("submission_exists", True)} if has_submission else {}
    identity = {"competition_id": competition.id, "edition": competition.edition.name, "created_at": ended_at.isoformat()}
    content = {"any_medal": any(known.get(key) for key in _MEDALS), **told, **known, **identity, "split_key_hash": key_hash}
    report, notes = settled(content, CompetitionReport.from_dict(content))
    placed = _placed(competition, report)
    if placed is not None and (differing := [key for key in FLAGS if key in known and getattr(placed, key) != known[key]]):
        does = "does" if len(differing) == 1 else "do"
        notes.append(f"{', '.join(differing)} stated by {tool} {does} not follow from its score and the thresholds here")
    elif placed is not None:
        report = replace(report, **{key: getattr(placed, key) for key in (*FLAGS, *_THRESHOLDS)})
    fault = _fault(report, figures, tool)
    return Stated(replace(report, run_id=run_id, seed=seed, submission_path="", **fault), tuple(notes))


def _is_version(value: Any) -> bool:
    return value is None or (type(value) is int and 0 < value < 10**6)


def _known(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that are known, flags as such.

    Raises:
        ValueError: one is neither a number nor a flag.
    """
    known: dict[str, Any] = {}
    for key in _KEPT:
        value = figures.get(key)
        if value is None:
            continue
        if key in ("score", "percentile", "rank", "leaderboard_size"):
            if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST or math.isnan(value):
                raise ValueError(f"`{key}` is {printable(repr(value), 40)}, not a number")
            known[key] = value
        elif isinstance(value, bool | int | float) and value in (0, 1):
            known[key] = bool(value)
        else:
            raise ValueError(f"`{key}` is {printable(repr(value), 40)}, not true or false")
    return known


def _placed(competition: Competition, report: CompetitionReport) -> CompetitionReport | None:
    """The score on the board of the competition here; None where either is missing, or the board is another data's."""
    if report.score is None or report.data == "mock" or (competition.facts.keyed and report.instance_hash is None):
        return None
    if competition.facts.keyed and report.instance_hash != competition.instance_hash:
        return None
    try:
        placed = CompetitionReport.from_score(competition.id, report.score, competition.board(), submission_path="")
    except (MlebenchError, OSError, ValueError):
        return None
    return placed if placed.thresholds is not None and not _is_made_up(competition) else None


def _is_made_up(competition: Competition) -> bool:
    """Whether the data here is mock data, on whose board nothing earns a medal."""
    return competition.data_kind == "mock"


def _fault(report: CompetitionReport, figures: Mapping[str, Any], tool: str) -> dict[str, Any]:
    """Why there is no score, as it was stated or in general."""
    if report.valid_submission:
        return {"error": None, "error_kind": None}
    error = figures.get("error")
    said = printable(error, _LONGEST_ERROR) if isinstance(error, str) and error else ""
    kind = "invalid" if report.submission_exists else "missing"
    return {"error": said or f"{tool} states that there was no valid submission", "error_kind": kind}
