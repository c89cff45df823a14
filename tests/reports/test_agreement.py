"""What a report states is held against itself before it is averaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from grading.report import aggregate_reports
from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.reports.report_file import ReportFile, read_report_file
from tests.reports.builders import SCORES, report

FLAGS = ("any_medal", "gold_medal", "silver_medal", "bronze_medal", "above_median")
WITHOUT_BOARD = dict.fromkeys(("gold_threshold", "silver_threshold", "bronze_threshold", "median_threshold"))


def stated(tmp_path: Path, outcome: str = "gold", without: tuple[str, ...] = (), **changes: Any) -> ReportFile:
    """A report file whose one report says something else than it would."""
    content = report("a", outcome).to_dict() | changes
    for key in without:
        del content[key]
    path = tmp_path / "r.json"
    path.write_text(json.dumps(content))
    return read_report_file(path)


def flags(found: ReportFile) -> tuple[str | None, bool, bool, bool]:
    (entry,) = found.reports
    return entry.medal, entry.above_median, entry.valid_submission, entry.submission_exists


@pytest.mark.parametrize("outcome", [*SCORES, "invalid", "missing"])
def test_a_report_that_agrees_with_itself_stays_as_it_is(tmp_path: Path, outcome: str) -> None:
    assert stated(tmp_path, outcome) == ((report("a", outcome),), ())


@pytest.mark.parametrize("score", [None, float("nan"), float("inf")])
def test_a_medal_needs_a_score(tmp_path: Path, score: float | None) -> None:
    found = stated(tmp_path, score=score)
    assert flags(found)[:2] == (None, False)
    assert "r.json: a: it claims a medal or a place above the median without a score; neither is counted" in found.notes


@pytest.mark.parametrize(
    ("outcome", "changes", "medal", "above"),
    [
        ("none", {"any_medal": True, "gold_medal": True}, None, False),
        ("gold", {"silver_medal": True}, "gold", True),
        ("gold", {"any_medal": False}, "gold", True),
        ("gold", dict.fromkeys(FLAGS, False), "gold", True),
        ("silver", {"score": 0.85, "silver_medal": False, "bronze_medal": True}, "silver", True),
        ("above", {"above_median": False}, None, True),
        ("none", {"above_median": True}, None, False),
        ("none", {"score": 0.85}, "silver", True),
    ],
)
def test_flags_are_those_of_score_and_thresholds(
    tmp_path: Path, outcome: str, changes: dict[str, Any], medal: str | None, above: bool
) -> None:
    found = stated(tmp_path, outcome, **changes)
    assert flags(found) == (medal, above, True, True)
    (note,) = found.notes
    assert note.startswith("r.json: a: its flags contradict its score and thresholds")


def test_a_score_that_was_rounded_after_it_was_placed_is_no_contradiction(tmp_path: Path) -> None:
    assert stated(tmp_path, "gold", score=0.899996).notes == ()
    assert stated(tmp_path, "gold", score=0.89999).notes != ()


@pytest.mark.parametrize(("changes", "exists"), [({"submission_exists": False}, False), ({"valid_submission": False}, True)])
def test_what_was_not_made_or_is_invalid_earns_nothing(tmp_path: Path, changes: dict[str, Any], exists: bool) -> None:
    found = stated(tmp_path, **changes)
    assert flags(found) == (None, False, False, exists)
    assert found.reports[0].score is None
    assert len(found.notes) == 1


def test_a_valid_submission_without_a_score_is_said(tmp_path: Path) -> None:
    found = stated(tmp_path, "invalid", valid_submission=True, error=None)
    assert flags(found) == (None, False, True, True)
    assert "valid and has no score" in found.notes[0]


def test_mock_data_earns_nothing(tmp_path: Path) -> None:
    found = stated(tmp_path, data="mock")
    assert flags(found) == (None, False, True, True)
    assert "on mock data; neither is counted" in found.notes[0]


def test_the_direction_is_that_of_the_thresholds(tmp_path: Path) -> None:
    found = stated(tmp_path, is_lower_better=True)
    assert not found.reports[0].is_lower_better
    assert flags(found)[0] == "gold"
    assert "`is_lower_better` contradicts the order of its thresholds; higher scores count as better" in found.notes[0]
    assert stated(tmp_path, without=("is_lower_better",)).notes == ()


def test_without_thresholds_the_direction_is_that_of_the_competition(tmp_path: Path) -> None:
    found = stated(tmp_path, competition_id="leaf-classification", **WITHOUT_BOARD)
    assert found.reports[0].is_lower_better
    assert "the competition's direction" in found.notes[0]


def test_thresholds_in_no_order_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"r\.json: the report of a contradicts itself: its thresholds .* are not ordered"):
        stated(tmp_path, silver_threshold=0.95)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"silver_medal": True}, "gold and silver at once"),
        ({"any_medal": False}, "claims gold, and no medal"),
        ({"gold_medal": False}, "other than gold, silver or bronze"),
    ],
)
def test_flags_that_exclude_each_other_are_refused_where_nothing_tells_which_holds(
    tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(UsageError, match=rf"r\.json: the report of a contradicts itself: .*{why}"):
        stated(tmp_path, **WITHOUT_BOARD, **changes)


def test_what_a_report_of_another_harness_lacks_contradicts_nothing(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"competition_id": "a", "any_medal": true}')
    found = read_report_file(tmp_path / "r.json")
    assert found.notes == ()
    assert (found.reports[0].any_medal, found.reports[0].valid_submission) == (True, True)


@pytest.mark.parametrize("changes", [{"rank": 0}, {"rank": 12, "leaderboard_size": 10}, {"percentile": 101}])
def test_an_impossible_place_is_left_out(tmp_path: Path, changes: dict[str, Any]) -> None:
    found = stated(tmp_path, **changes)
    assert (found.reports[0].rank, found.reports[0].percentile) == (None, None)
    assert "impossible" in found.notes[0]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("score", "0.9"),
        ("score", True),
        ("score", [0.9]),
        ("score", 10**400),
        ("gold_threshold", "gold"),
        ("seed", 1.5),
        ("any_medal", "yes"),
        ("any_medal", 2),
        ("competition_id", None),
        ("competition_id", 5),
        ("competition_id", ""),
        ("submission_path", ["x"]),
        ("created_at", "yesterday"),
        ("created_at", 10**20),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(UsageError, match=rf"r\.json is not a grading report: .*`{key}`") as refused:
        stated(tmp_path, **{key: value})
    assert len(str(refused.value)) < 500


def test_totals_that_its_reports_do_not_make_are_said(tmp_path: Path) -> None:
    content = aggregate_reports([report("a", "gold"), report("b", "none")]).to_dict()
    path = tmp_path / "r.json"
    path.write_text(json.dumps(content | {"total_medals": 2, "total_runs": 7}))
    assert read_report_file(path).notes == (
        "r.json: `total_runs` is 7, its reports make 2",
        "r.json: `total_medals` is 2, its reports make 1",
    )


def test_many_contradictions_are_shortened(tmp_path: Path) -> None:
    content = aggregate_reports([report(f"a{number}", "none") for number in range(30)]).to_dict()
    for entry in content["competition_reports"]:
        entry["any_medal"] = True
    path = tmp_path / "r.json"
    path.write_text(json.dumps(content))
    notes = read_report_file(path).notes
    # 30 reports and the total of medals, of which ten are named
    assert len(notes) == 11
    assert notes[-1] == "r.json: and 21 more contradictions of this kind"


@pytest.mark.parametrize("output", ["--json", "--csv", "--markdown", "--details"])
def test_every_output_comes_with_what_was_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str) -> None:
    stated(tmp_path, score=None)
    assert main(["report", str(tmp_path / "r.json"), output]) == 0
    shown = capsys.readouterr()
    told = " ".join((shown.out if output == "--details" else shown.err).split())
    assert "r.json: a: it claims a medal or a place above the median without a score" in told


def test_scores_beyond_all_measure_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        board = {"gold_threshold": 1e-300, "silver_threshold": 1e-301, "bronze_threshold": 1e-302, "median_threshold": 0.0}
        content = report("a", "gold", score=1e308, **board).to_dict() | {"created_at": f"2026-01-0{number + 1}"}
        (tmp_path / f"{number}.json").write_text(json.dumps(content))
    assert main(["report", str(tmp_path / "*.json"), "--json", "--html", str(tmp_path / "p.html")]) == 0
    (row,) = json.loads(capsys.readouterr().out)["competitions"]
    assert row["mean_score"] == pytest.approx(1e308)
    assert row["mean_normalized_score"] is None
