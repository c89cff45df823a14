"""Makes a grading report agree with itself: flags against score and thresholds, totals against reports.

Reports are edited by hand, merged and written by other harnesses, and what they state is averaged. A flag is worth no more than
what it follows from: a medal needs a score, a score a valid submission, and a valid submission a file. Where score and thresholds
are given, the flags are placed again; where they are not and the flags exclude each other, the report is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from grading.medals import Medal, Thresholds
from grading.report import CompetitionReport, aggregate_reports
from mlebench.errors import UsageError
from mlebench.registry import Registry

_MEDALS: tuple[Medal, ...] = ("gold", "silver", "bronze")
_HALF_OF_LAST_DECIMAL = 5e-6
"""Scores are stored with 5 decimals; who placed them before rounding is right as well."""
_TOTALS = (
    "total_runs", "total_runs_with_submissions", "total_valid_submissions", "total_medals", "total_gold_medals",
    "total_silver_medals", "total_bronze_medals", "total_above_median",
)  # fmt: skip


def settled(content: Mapping[str, Any], report: CompetitionReport) -> tuple[CompetitionReport, list[str]]:
    """A report that agrees with itself, and what had to be changed.

    Args:
        content: the report as it was written; what it lacks is unknown and contradicts nothing.
        report: the same as a value.

    Raises:
        ValueError: its statements contradict each other, and it is unknown which are true.
    """
    notes: list[str] = []
    report = _with_direction(content, report, notes)
    report = _with_submission(content, report, notes)
    report = _earning_nothing(report, notes) if report.data == "mock" else _with_flags(content, report, notes)
    if not _stands_somewhere(report):
        notes.append("its rank and percentile are impossible and ignored")
        report = replace(report, rank=None, leaderboard_size=None, percentile=None)
    return report, notes


def wrong_totals(content: Mapping[str, Any], reports: Sequence[CompetitionReport]) -> list[str]:
    """What an aggregate's totals say otherwise than its reports."""
    counted = aggregate_reports(reports)
    stated = {key: content[key] for key in _TOTALS if content.get(key) is not None}
    return [
        f"`{key}` is {value!r}, its reports make {getattr(counted, key)}"
        for key, value in stated.items()
        if value != getattr(counted, key)
    ]


def _with_direction(content: Mapping[str, Any], report: CompetitionReport, notes: list[str]) -> CompetitionReport:
    """The direction in which the thresholds get better; without thresholds that of the competition, if known."""
    thresholds = report.thresholds
    lower = _known_direction(report.competition_id) if thresholds is None else _direction_of(thresholds)
    if lower is None or lower == report.is_lower_better:
        return report
    if content.get("is_lower_better") is not None:
        what = "the competition's direction" if thresholds is None else "the order of its thresholds"
        notes.append(f"`is_lower_better` contradicts {what}; {'lower' if lower else 'higher'} scores count as better")
    return replace(report, is_lower_better=lower)


def _direction_of(thresholds: Thresholds) -> bool | None:
    """Whether lower is better by the thresholds' order; None if all are equal.

    Raises:
        ValueError: they are in no order.
    """
    values = [thresholds.gold, thresholds.silver, thresholds.bronze, thresholds.median]
    directions = [lower for lower in (True, False) if values == sorted(values, reverse=not lower)]
    if not directions:
        raise ValueError(f"its thresholds for gold, silver, bronze and the median ({values}) are not ordered")
    return directions[0] if len(directions) == 1 else None


def _known_direction(competition_id: str) -> bool | None:
    try:
        return Registry().get_competition(competition_id).is_lower_better
    except UsageError:
        return None


def _with_submission(content: Mapping[str, Any], report: CompetitionReport, notes: list[str]) -> CompetitionReport:
    """Without what a missing or invalid submission cannot have."""
    earned = report.any_medal or report.above_median or any(getattr(report, f"{name}_medal") for name in _MEDALS)
    claims = report.score is not None or earned
    if content.get("submission_exists") is False and (report.valid_submission or claims):
        notes.append("it claims a valid submission or a score, and that no submission exists; counted as missing")
        return _without_score(replace(report, submission_exists=False, valid_submission=False))
    if content.get("valid_submission") is False and claims:
        notes.append("it claims a score or a medal, and that the submission is invalid; counted as invalid")
        return _without_score(report)
    if "score" in content and report.score is None:
        if earned:
            notes.append("it claims a medal or a place above the median without a score; neither is counted")
        if content.get("valid_submission") and report.error is None:
            notes.append("its submission is valid and has no score; counted as valid without a medal")
        return _without_score(report)
    valid = report.valid_submission or (content.get("valid_submission") is None and earned)
    return replace(report, valid_submission=valid, submission_exists=report.submission_exists or valid)


def _without_score(report: CompetitionReport) -> CompetitionReport:
    return replace(_flagged(report, None, above_median=False), score=None, rank=None, percentile=None)


def _with_flags(content: Mapping[str, Any], report: CompetitionReport, notes: list[str]) -> CompetitionReport:
    """The flags as score and thresholds have them; without those, as they are stated."""
    thresholds = report.thresholds
    if report.score is None and "score" in content:
        return report
    if report.score is None or thresholds is None or (
        content.get("is_lower_better") is None and _direction_of(thresholds) is None
    ):  # fmt: skip
        _refuse_exclusive(content, report)
        return report
    scores = (report.score, report.score - _HALF_OF_LAST_DECIMAL, report.score + _HALF_OF_LAST_DECIMAL)
    possible = [_flagged(report, thresholds.medal(score), above_median=thresholds.is_above_median(score)) for score in scores]
    if any(_agrees(content, candidate) for candidate in possible):
        return next(candidate for candidate in possible if _agrees(content, candidate))
    found = possible[0]
    place = "above the median" if found.above_median else "not above the median"
    notes.append(
        f"its flags contradict its score and thresholds; by these it has {found.medal or 'no'} medal and is {place}, which counts"
    )
    return found


def _earning_nothing(report: CompetitionReport, notes: list[str]) -> CompetitionReport:
    """A report on mock data, whatever its score and thresholds say."""
    if report.any_medal or report.above_median:
        notes.append("it claims a medal or a place above the median on mock data; neither is counted")
    return _flagged(report, None, above_median=False)


def _flagged(report: CompetitionReport, medal: Medal | None, *, above_median: bool) -> CompetitionReport:
    return replace(
        report,
        any_medal=medal is not None,
        gold_medal=medal == "gold",
        silver_medal=medal == "silver",
        bronze_medal=medal == "bronze",
        above_median=above_median,
    )


def _agrees(content: Mapping[str, Any], report: CompetitionReport) -> bool:
    """Whether the flags that are stated are those of `report`."""
    flags = ("any_medal", *(f"{name}_medal" for name in _MEDALS), "above_median")
    return all(content.get(flag) is None or bool(content[flag]) == getattr(report, flag) for flag in flags)


def _refuse_exclusive(content: Mapping[str, Any], report: CompetitionReport) -> None:
    claimed = [name for name in _MEDALS if getattr(report, f"{name}_medal")]
    told = all(content.get(f"{name}_medal") is not None for name in _MEDALS)
    if len(claimed) > 1:
        raise ValueError(f"it claims {' and '.join(claimed)} at once")
    if claimed and not report.any_medal:
        raise ValueError(f"it claims {claimed[0]}, and no medal")
    if report.any_medal and told and not claimed:
        raise ValueError("it claims a medal other than gold, silver or bronze")


def _stands_somewhere(report: CompetitionReport) -> bool:
    if report.percentile is not None and not 0 <= report.percentile <= 100:
        return False
    if report.rank is None:
        return True
    return report.rank >= 1 and (report.leaderboard_size is None or report.rank <= report.leaderboard_size + 1)
