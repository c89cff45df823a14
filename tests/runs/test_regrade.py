"""Regrading run groups, and many submissions in one call."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlebench._support.steps import Step
from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.grade.many import grade_many
from mlebench.grade.one import Submission
from mlebench.registry import Registry
from mlebench.reports.places import load_results
from mlebench.runs.group import Group
from mlebench.runs.lock import hold
from mlebench.runs.plan import PlannedRun
from mlebench.runs.regrade import regrade_group
from tests.reports.toys import finish, install, keep_snapshot, make_group, table
from tests.sound_steps import assert_sound

NOTING = """
def noting(path):
    import pandas as pd

    with open("{log}", "a") as log:
        log.write(path.parts[-4] + "\\n")
    return pd.read_csv(path)
"""
OUTCOMES: dict[str, list[float | str | None]] = {"toy-one": [0.1, 0.25], "toy-two": ["id,z\n", None]}


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data directory of `toy-one` and `toy-two`."""
    return install(tmp_path, monkeypatch)


@pytest.fixture
def group(tmp_path: Path, toys: Path) -> Group:
    return make_group(tmp_path / "runs", toys, OUTCOMES)


@pytest.mark.parametrize("jobs", [1, 2])
def test_reports_of_every_ended_run(group: Group, jobs: int) -> None:
    aggregate = regrade_group(group.folder, jobs=jobs)

    # in the plan's order: seed by seed
    reports = aggregate.competition_reports
    assert [(report.run_id, report.score, report.error_kind) for report in reports] == [
        ("toy-one_seed0", 0.1, None),
        ("toy-two_seed0", None, "invalid"),
        ("toy-one_seed1", 0.25, None),
        ("toy-two_seed1", None, "missing"),
    ]
    assert [report.seed for report in reports] == [0, 0, 1, 1]
    assert reports[0].gold_medal
    assert reports[2].bronze_medal
    assert reports[0].submission_path == "toy-one_seed0/submission/submission.csv"
    written = json.loads((group.folder / "grading_report.json").read_text())
    assert written["competition_reports"] == [report.to_dict() for report in reports]
    assert group.record(PlannedRun("toy-two", 0)).reason == "invalid-submission"


def test_a_mended_submission_changes_the_record(group: Group) -> None:
    regrade_group(group.folder)
    (group.run_dir("toy-two_seed0") / "submission" / "submission.csv").write_text(table(0.15))

    regrade_group(group.folder)

    record = group.record(PlannedRun("toy-two", 0))
    assert (record.reason, record.failure_class) == ("exited", None)
    assert record.report is not None
    assert record.report["silver_medal"]


def test_runs_without_a_chance_are_not_graded(tmp_path: Path, toys: Path) -> None:
    group = make_group(tmp_path / "runs", toys, {"toy-one": [0.1, 0.1, 0.1], "toy-two": []})
    lost = {"state": "failed", "reason": "lost", "failure_class": "infrastructure"}
    finish(group, PlannedRun("toy-two", 0), None, **lost)
    finish(group, PlannedRun("toy-two", 1), 0.1, state="cancelled", reason="cancelled")

    aggregate = regrade_group(group.folder)

    assert [report.competition_id for report in aggregate.competition_reports] == ["toy-one"] * 3
    (results,) = load_results([group.folder])
    runs = [seed["toy-two"] for seed in results.seeds]
    assert [run.report for run in runs] == [None, None, None]
    assert [run.failed_by_infrastructure for run in runs] == [True, False, False]


def test_a_running_group_is_refused_before_it_is_graded(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlebench.runs.regrade.grade_many", lambda *_, **__: pytest.fail("graded"))
    with hold(group.folder), pytest.raises(UsageError, match="is already running"):
        regrade_group(group.folder)


def test_groups_are_found_by_name_and_near_names_are_told(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    runs_dir = ["--runs-dir", str(group.folder.parent)]
    for name in (group.name, "latest", str(group.folder)):
        assert main(["grade", name, *runs_dir, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["total_runs"] == 4
        assert main(["report", name, *runs_dir, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["splits"]
    for command in ("grade", "report"):
        assert main([command, group.name[:-1], *runs_dir]) == 2
        assert f"did you mean `{group.name}`?" in capsys.readouterr().err


def test_snapshots_are_graded_with_their_time(group: Group) -> None:
    for clock, error in (("001500", 0.4), ("013000", 0.05), ("1000000", 0.15)):
        keep_snapshot(group, PlannedRun("toy-one", 0), clock, error)

    regrade_group(group.folder, jobs=2)

    (results,) = load_results([group.folder])
    run = results.seeds[0]["toy-one"]
    assert [(snapshot.seconds, snapshot.report.score) for snapshot in run.snapshots] == [
        (15 * 60, 0.4),
        (90 * 60, 0.05),
        (100 * 3600, 0.15),
    ]
    best = run.best()
    assert best is not None
    assert best.score == 0.05


def test_another_edition_leaves_the_group_as_it_is(group: Group, toys: Path) -> None:
    answers = toys / "toy-one" / "prepared-v2" / "private" / "answers.csv"
    answers.write_text(table(0.1))
    regrade_group(group.folder)
    before = (group.folder / "grading_report.json").read_bytes()

    aggregate = regrade_group(group.folder, edition="v2")

    assert aggregate.competition_reports[0].score == 0
    assert {report.edition for report in aggregate.competition_reports} == {"v2"}
    assert (group.folder / "grading_report.json").read_bytes() == before
    assert len(list(group.folder.glob("*_grading_report.json"))) == 1


def test_a_running_group_is_not_touched(group: Group) -> None:
    with hold(group.folder), pytest.raises(UsageError, match="is already running"):
        regrade_group(group.folder)


def test_a_split_key_that_the_group_was_not_run_with_is_refused(tmp_path: Path, toys: Path) -> None:
    group = make_group(tmp_path / "runs", toys, OUTCOMES)
    text = (group.folder / "group.yaml").read_text().replace("edition: v1", "edition: v2")
    (group.folder / "group.yaml").write_text(text)

    with pytest.raises(UsageError, match=r"split with the published key, not with key [0-9a-f]{16}; .*grade --split-key`"):
        regrade_group(group.folder, split_key="secret")


def test_the_command_grades_and_reports_a_group(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-m", "mlebench.cli.main", "grade", str(group.folder), "--jobs", "2", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["total_medals"] == 2

    assert main(["report", str(group.folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["results"]["agent"] == "tree/big"
    assert document["results"]["models"] == ["m-1"]
    assert document["results"]["hours"] == 2
    figures = document["splits"]["selection"]
    assert figures["per_seed"] == [50, 50]
    assert figures["counts"]["invalid"] == figures["counts"]["missing"] == 1


def note_reads(tmp_path: Path, log: Path) -> None:
    """Note every reading of answers."""
    for name in ("toy-one", "toy-two"):
        grade = tmp_path / "competitions" / name / "grade.py"
        noting = f"{NOTING.format(log=log)}\n\ngrader ="
        grade.write_text(grade.read_text().replace("metric=rmse", "metric=rmse, read_answers=noting").replace("grader =", noting))


def test_answers_are_read_once_per_competition(tmp_path: Path, toys: Path) -> None:
    log = tmp_path / "reads.log"
    note_reads(tmp_path, log)
    paths = []
    for number in range(10):
        paths.append(tmp_path / f"{number}.csv")
        paths[-1].write_text(table(number / 10))
    submissions = [Submission(name, path) for path in paths for name in ("toy-one", "toy-two")]

    reports = grade_many(submissions, Registry(toys))

    assert [report.score for report in reports[::2]] == pytest.approx([number / 10 for number in range(10)])
    assert sorted(log.read_text().split()) == ["toy-one", "toy-two"]


def test_one_large_competition_is_spread(tmp_path: Path, toys: Path) -> None:
    log = tmp_path / "reads.log"
    note_reads(tmp_path, log)
    for number in range(9):
        (tmp_path / f"{number}.csv").write_text(table(number / 10))
    submissions = [Submission("toy-one", tmp_path / f"{number}.csv") for number in range(9)]
    submissions.insert(4, Submission("toy-two", tmp_path / "0.csv"))
    steps: list[Step] = []

    reports = grade_many(submissions, Registry(toys), jobs=2, listener=steps.append)

    assert_sound(steps, phases=["grading"])

    assert [report.competition_id for report in reports] == [entry.competition_id for entry in submissions]
    expected = [0, 0.1, 0.2, 0.3, 0, 0.4, 0.5, 0.6, 0.7, 0.8]
    assert [report.score for report in reports] == pytest.approx(expected)
    assert (steps[-1].done, steps[-1].total) == (10, 10)
    assert len(steps) > 4
    # once by each process
    assert log.read_text().split().count("toy-one") <= 2


@pytest.mark.parametrize("place", ["submission/submission.csv", "snapshots/000500.csv"])
def test_what_an_agent_put_in_the_place_of_a_file_is_not_graded(group: Group, toys: Path, place: str) -> None:
    """The answers would be the best submission there is."""
    path = group.run_dir("toy-one_seed0") / place
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(toys / "toy-one" / "prepared" / "private" / "answers.csv")
    regrade_group(group.folder)
    if place.startswith("submission/"):
        report = group.record(PlannedRun("toy-one", 0)).graded
        assert report is not None
        assert (report.valid_submission, report.error_kind) == (False, "missing")
    else:
        (snapshot,) = json.loads((group.folder / "snapshot_reports.json").read_text())["snapshots"]
        assert snapshot["report"]["error_kind"] == "missing"


def test_what_is_not_prepared_is_said(tmp_path: Path, toys: Path) -> None:
    with pytest.raises(UsageError, match="AI4Code is not prepared"):
        grade_many([Submission("AI4Code", tmp_path / "s.csv"), Submission("toy-one", tmp_path / "s.csv")], Registry(toys), jobs=2)
