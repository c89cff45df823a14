"""Which numbers Harbor gets of a grading report; all are finite, and what is not known is left out."""

from __future__ import annotations

from grading.report import CompetitionReport


def rewards(report: CompetitionReport, chosen: str) -> dict[str, float]:
    """The content of `reward.json`.

    Args:
        report: of the submission.
        chosen: one of `choices.REWARDS`. A percentile that is not known, as on made-up data, is worth 0.

    Returns:
        `reward`; the flags as 0 or 1; `score` where there is one, `percentile` (0 to 100) where it is known.
    """
    flags = {
        "any_medal": report.any_medal,
        "gold": report.gold_medal,
        "silver": report.silver_medal,
        "bronze": report.bronze_medal,
        "above_median": report.above_median,
        "valid": report.valid_submission,
    }
    known = {"score": report.score, "percentile": report.percentile}
    reward = (report.percentile or 0.0) / 100 if chosen == "percentile" else float(flags[chosen])
    return {
        "reward": reward,
        **{name: value for name, value in known.items() if value is not None},
        **{name: float(flag) for name, flag in flags.items()},
    }
