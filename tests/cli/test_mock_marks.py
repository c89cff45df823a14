"""Scores on made-up data are shown as what they are, and earn no medal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from mlebench.cli.main import main
from mlebench.grade import grade_csv
from mlebench.registry import Competition, Registry
from mlebench.runs.conditions import Conditions

MOCK = "spaceship-titanic"
REAL = "demo-wine"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in (MOCK, REAL):
        options = ["--mock"] if name == MOCK else []
        assert main(["prepare", name, *options, "--data-dir", str(tmp_path / "data"), "--quiet"]) == 0
    return tmp_path / "data"


def perfect(competition: Competition, folder: Path) -> Path:
    path = folder / f"{competition.id}.csv"
    competition.grader.perfect_submission(competition.answers_table).to_csv(path, index=False)
    return path


def test_a_perfect_score_on_a_mock_is_a_score_without_medal_or_rank(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    competition = Registry(data).get_competition(MOCK)
    submission = perfect(competition, tmp_path)
    report = grade_csv(submission, competition)
    assert (report.score, report.data, report.medal, report.above_median) == (1.0, "mock", None, False)
    assert competition.thresholds is not None and report.score > competition.thresholds.gold == report.gold_threshold
    assert report.rank is None
    capsys.readouterr()
    assert main(["grade", str(submission), "-c", MOCK, "--data-dir", str(data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"] == "mock"
    assert main(["grade", str(submission), "-c", MOCK, "--data-dir", str(data)]) == 0
    assert "mock data" in capsys.readouterr().out


def test_demo_data_is_real_and_earns_its_medal(data: Path, tmp_path: Path) -> None:
    competition = Registry(data).get_competition(REAL)
    report = grade_csv(perfect(competition, tmp_path), competition)
    assert report.data == "real" and report.medal == "gold"


def test_data_of_another_harness_is_neither(data: Path) -> None:
    competition = Registry(data).get_competition(MOCK)
    (competition.prepared_dir / "prepared.json").unlink()
    assert competition.data_kind is None and competition.provenance["data"] is None


def test_runs_and_reports_say_that_it_is_mock_data(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--profile-set", "cpus=1", "--profile-set", "memory=1g", "--profile-set", "time_limit=5m"]
    words = ["run", "--agent", "dummy", "-c", MOCK, "-c", REAL, "--sandbox", "local", "--name", "both", *small]
    places = ["--runs-dir", str(tmp_path / "runs")]
    assert main([*words, *places, "--data-dir", str(data)]) == 0
    told = capsys.readouterr()
    assert f"{MOCK}_seed0: score" in told.err and "mock data in" in told.err
    group = tmp_path / "runs" / "both"
    assert yaml.safe_load((group / "group.yaml").read_text())["conditions"]["data"] == {MOCK: "mock", REAL: "real"}
    report = json.loads((group / "grading_report.json").read_text())
    assert {entry["competition_id"]: entry["data"] for entry in report["competition_reports"]} == {MOCK: "mock", REAL: "real"}
    assert report["run_group"]["mock_competitions"] == [MOCK]
    assert main(["runs", "both", *places]) == 0
    assert "mock data" in (table := capsys.readouterr().out) and "earn no medal" in " ".join(table.split())
    page = tmp_path / "page.html"
    assert main(["report", "both", *places, "-c", MOCK, "-c", REAL, "--html", str(page)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    note = (
        f"scores of {MOCK} come from synthetic data, are meaningless and earn no medal; the figures mix them with 1 on real data"
    )
    assert note in text and note in page.read_text()
    assert main(["report", str(group / "grading_report.json"), "-c", MOCK, "--json"]) == 0
    (only,) = [sentence for sentence in json.loads(capsys.readouterr().out)["notes"] if "mock data" in sentence]
    assert "mix" not in only


def test_runs_on_mock_data_are_never_averaged_with_real_ones() -> None:
    mock, real, unknown = (Conditions("a", data=data) for data in ({MOCK: "mock"}, {MOCK: "real"}, {}))
    assert mock.differences(real) == [f"data ({MOCK} mock → real)"]
    assert mock.differences(unknown) == []
    assert mock.set_apart([real]) == [f"{MOCK} mock data"]
