"""The report record: contract keys, the published format, totals."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from grading.medals import Board, Thresholds
from grading.report import AggregateReport, CompetitionReport, aggregate_reports

CONTRACT_KEYS = [
    "competition_id",
    "score",
    "gold_threshold",
    "silver_threshold",
    "bronze_threshold",
    "median_threshold",
    "any_medal",
    "gold_medal",
    "silver_medal",
    "bronze_medal",
    "above_median",
    "submission_exists",
    "valid_submission",
    "is_lower_better",
    "created_at",
    "submission_path",
    "edition",
    "error",
    "seed",
    "run_id",
    "rank",
    "leaderboard_size",
    "percentile",
]
BOARD = Board(lower_is_better=False, thresholds=Thresholds(0.9, 0.8, 0.7, 0.5, lower_is_better=False))


def graded(score: float | None, leaderboard: Sequence[float] = (), **extras: object) -> CompetitionReport:
    board = replace(BOARD, scores=leaderboard)
    return CompetitionReport.from_score("toy", score, board, submission_path="s.csv", **extras)  # type: ignore[arg-type]


def test_keys_stand_in_the_order_of_the_contract() -> None:
    keys = list(graded(0.85).to_dict())

    assert keys[: len(CONTRACT_KEYS)] == CONTRACT_KEYS
    assert keys[len(CONTRACT_KEYS) :] == ["error_kind", "split_key_hash", "instance_hash", "data", "competition_version"]


@pytest.mark.parametrize(
    ("score", "flags"),
    [
        (0.95, (True, True, False, False, True)),
        (0.8, (True, False, True, False, True)),
        (0.7, (True, False, False, True, True)),
        (0.6, (False, False, False, False, True)),
        (0.5, (False, False, False, False, False)),
    ],
)
def test_one_medal_at_most(score: float, flags: tuple[bool, ...]) -> None:
    report = graded(score)

    assert (report.any_medal, report.gold_medal, report.silver_medal, report.bronze_medal, report.above_median) == flags


def test_json_goes_there_and_back() -> None:
    report = graded(
        0.85, leaderboard=[0.9, 0.8], seed=2, run_id="toy_seed2", edition="v2", split_key_hash="ab", instance_hash="cd"
    )

    assert CompetitionReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report
    assert (report.rank, report.leaderboard_size, report.percentile) == (2, 2, 50.0)


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_an_undefined_score_is_null_and_earns_nothing(score: float) -> None:
    content = graded(score).to_dict()

    assert content["score"] is None
    assert content["valid_submission"]
    assert not content["any_medal"]
    json.dumps(content, allow_nan=False)


def test_without_thresholds_nothing_is_earned() -> None:
    report = CompetitionReport.from_score("toy", 1.0, Board(lower_is_better=False), submission_path="s.csv")

    assert report.valid_submission
    assert not report.any_medal
    assert report.thresholds is None


PUBLISHED = {
    "competition_id": "toy",
    "score": 0.97,
    "gold_threshold": 0.9,
    "silver_threshold": 0.8,
    "bronze_threshold": 0.7,
    "median_threshold": 0.5,
    "any_medal": True,
    "gold_medal": True,
    "silver_medal": False,
    "bronze_medal": False,
    "above_median": True,
    "submission_exists": True,
    "valid_submission": True,
    "is_lower_better": False,
    "created_at": "2024-09-25T17:36:20.123456",
    "submission_path": "runs/toy/submission.csv",
}


def test_reads_the_published_format() -> None:
    report = CompetitionReport.from_dict(PUBLISHED | {"a key of another harness": 1})

    assert report.created_at == datetime(2024, 9, 25, 17, 36, 20, 123456)
    assert report.edition is report.seed is report.error_kind is None
    assert report.to_dict() | PUBLISHED == report.to_dict()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"score": "good"}, "`score` is 'good', not a number"),
        ({"any_medal": "yes"}, "`any_medal` is 'yes', not true or false"),
        ({"created_at": "yesterday"}, "`created_at` is 'yesterday'"),
    ],
)
def test_a_wrong_value_is_named(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        CompetitionReport.from_dict(PUBLISHED | change)


def test_an_object_without_id_is_no_report() -> None:
    with pytest.raises(ValueError, match="needs `competition_id`"):
        CompetitionReport.from_dict({"score": 1})


def test_totals() -> None:
    missing = graded(None, submission_exists=False, error_kind="missing")
    invalid = graded(None, error_kind="invalid")
    aggregate = aggregate_reports([graded(0.95), graded(0.85), graded(0.75), graded(0.6), invalid, missing])

    content = aggregate.to_dict()
    assert len(content.pop("competition_reports")) == 6
    assert content == {
        "total_runs": 6,
        "total_runs_with_submissions": 5,
        "total_valid_submissions": 4,
        "total_medals": 3,
        "total_gold_medals": 1,
        "total_silver_medals": 1,
        "total_bronze_medals": 1,
        "total_above_median": 4,
    }
    assert AggregateReport.from_dict(aggregate.to_dict()) == aggregate


def test_a_faulty_report_in_an_aggregate_is_named() -> None:
    with pytest.raises(ValueError, match=r"competition_reports\[1\]: a grading report needs"):
        AggregateReport.from_dict({"competition_reports": [PUBLISHED, {}]})
