"""What is read of a run group of MLE-bench: its runs, their submissions and results; what it does not record stays unknown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.exports.imported.found import FoundRun
from mlebench.exports.imported.mle_bench_runs import read_mle_bench_runs
from mlebench.runs.group import Group
from tests.exports.imported.conftest import toys

__all__ = ["toys"]
NAME = "2024-10-09T12-00-00-UTC_run-group_aide"
GOOD = "id,y\na,1\nb,1\n"
"""Scores 1, which is bronze."""
BRONZE = {"score": 1.0, "any_medal": True, "bronze_medal": True, "valid_submission": True, "submission_exists": True}


class Published:
    """A run group as MLE-bench leaves it, which grows run by run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.runs: dict[str, Any] = {}
        self._write()

    def run(self, competition: str, submission: str | None = GOOD) -> str:
        """Add a run; returns its name."""
        name = f"{competition}_{len(self.runs):08d}-0000-4000-8000-000000000000"
        for part in ("submission", "logs", "code"):
            (self.folder / name / part).mkdir(parents=True)
        (self.folder / name / "logs" / "agent.log").write_text("thinking\n")
        (self.folder / name / "run.log").write_text("started\n")
        if submission is not None:
            (self.folder / name / "submission" / "submission.csv").write_text(submission)
        self.runs[name] = {}
        self._write()
        return name

    def report(self, reports: dict[str, dict[str, Any]], name: str = "2024-10-10T00-00-00-UTC_grading_report.json") -> None:
        """Write a grading report of runs by their names."""
        place = f"/old/runs/{NAME}/{{}}/submission/submission.csv"
        entries = [
            {"competition_id": run.partition("_")[0], "submission_path": place.format(run)} | told
            for run, told in reports.items()
        ]
        (self.folder / name).write_text(json.dumps({"competition_reports": entries}))

    def _write(self) -> None:
        (self.folder / "metadata.json").write_text(json.dumps({"runs": self.runs}))


@pytest.fixture
def published(toys: Path) -> Published:
    """A group without runs."""
    return Published(toys / "theirs" / NAME)


def only(published: Published) -> FoundRun:
    found = read_mle_bench_runs(published.folder)
    assert found.problems == ()
    [run] = found.runs
    return run


def imported(published: Published, *words: str) -> int:
    return main(["import", "mle-bench-runs", str(published.folder), *words])


def test_a_run_is_known_by_its_folder_and_what_is_not_recorded_stays_unknown(published: Published) -> None:
    name = published.run("toy-a")
    run = only(published)
    assert (run.name, run.id, run.task, run.agent.name) == (name, name, "toy-a", "aide")
    assert (run.seed, run.started_at, run.seconds, run.edition, dict(run.usage)) == (None, None, None, None, {})
    assert run.end.detail == "MLE-bench does not record how a run ended"
    assert run.is_ungraded and run.stated == {}
    assert run.submission is not None and run.submission.path.read_text() == GOOD


def test_results_are_those_of_the_latest_grading_report(published: Published) -> None:
    name = published.run("toy-a")
    published.report({name: {**BRONZE, "score": 0.9}}, "2024-10-10T00-00-00-UTC_grading_report.json")
    published.report({name: BRONZE}, "2024-10-11T00-00-00-UTC_grading_report.json")
    run = only(published)
    assert run.stated["score"] == 1.0 and not run.is_ungraded
    assert len(read_mle_bench_runs(published.folder).files) == 3


def test_a_run_without_a_submission_has_a_result(published: Published) -> None:
    published.run("toy-a", submission=None)
    run = only(published)
    assert run.submission is None and run.stated["submission_exists"] is False and not run.is_ungraded


def test_a_listing_says_where_submissions_are_and_of_which_competition(published: Published) -> None:
    name = published.run("anything")
    (published.folder / name / "final.csv").write_text(GOOD)
    line = {"competition_id": "toy-b", "submission_path": f"runs/{NAME}/{name}/final.csv"}
    out = {"competition_id": "toy-c", "submission_path": f"{name}/../../../secret.csv"}
    (published.folder / "submission.jsonl").write_text(f"# a remark\n{json.dumps(line)}\n{json.dumps(out)}\n")
    run = only(published)
    assert run.task == "toy-b" and run.submission is not None and run.submission.path.name == "final.csv"


def test_folders_are_runs_where_metadata_lists_none(published: Published) -> None:
    name = published.run("toy-a")
    (published.folder / "notes").mkdir()
    (published.folder / "metadata.json").write_text("{}")
    assert only(published).name == name


def test_a_listed_run_without_a_folder_is_reported(published: Published) -> None:
    published.runs["toy-a_gone"] = {}
    published.run("toy-b")
    found = read_mle_bench_runs(published.folder)
    assert [run.task for run in found.runs] == ["toy-b"]
    assert found.problems == (f"the run toy-a_gone has no folder in {NAME}",)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("metadata.json", "{", "is not JSON"),
        ("2024_grading_report.json", "[1", "is not JSON"),
        ("submission.jsonl", "[]\n", "line 1 is not an object"),
        ("submission.jsonl", "{\n", "line 1 is not JSON"),
    ],
)
def test_a_damaged_file_is_named(published: Published, name: str, content: str, why: str) -> None:
    published.run("toy-a")
    (published.folder / name).write_text(content)
    with pytest.raises(UsageError, match=why) as raised:
        read_mle_bench_runs(published.folder)
    assert name in str(raised.value)


def test_links_are_not_followed(published: Published, toys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = published.run("toy-a", submission=None)
    (toys / "secret.csv").write_text(GOOD)
    (published.folder / name / "submission" / "submission.csv").symlink_to(toys / "secret.csv")
    assert imported(published) == 0
    assert not (toys / "runs" / NAME / "toy-a_seed0" / "submission" / "submission.csv").exists()
    (published.folder / "metadata.json").unlink()
    (published.folder / "metadata.json").symlink_to(toys / "secret.csv")
    with pytest.raises(UsageError, match=r"cannot read .*metadata.json"):
        read_mle_bench_runs(published.folder)


@pytest.mark.parametrize("place", ["nowhere", "."])
def test_a_folder_of_something_else_is_refused(toys: Path, place: str) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*nowhere: No such file|contains no metadata.json"):
        read_mle_bench_runs(toys / place)


# the whole way


def test_submissions_without_a_report_are_graded_later(published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    published.run("toy-a")
    published.run("toy-a", submission="id,y\na,0\nb,2\n")
    assert imported(published) == 0
    folder = published.folder.parents[1] / "runs" / NAME
    shown = capsys.readouterr()
    assert shown.out == f"{folder}: 2 runs of aide, 0 with a result\n"
    assert f"2 runs of {NAME} have no result yet; `mlebench grade" in shown.err
    assert main(["grade", str(folder)]) == 0
    group = Group.open(folder)
    assert [record.graded.score for record in group.records() if record.graded] == [1.0, 0.0]
    assert main(["report", str(folder)]) == 0
    assert main(["runs", NAME]) == 0


def test_grading_them_at_once_says_where_the_report_differs(published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    same, other = published.run("toy-a"), published.run("toy-b")
    published.report({same: BRONZE, other: {**BRONZE, "score": 0.75}})
    assert imported(published, "--regrade") == 1
    assert f"{other}: its result here differs from the stated one: score 0.75 → 1.0" in capsys.readouterr().err


def test_what_a_run_left_comes_with_it(published: Published) -> None:
    published.run("toy-a")
    assert imported(published) == 0
    run_dir = published.folder.parents[1] / "runs" / NAME / "toy-a_seed0"
    found = {path.relative_to(run_dir).as_posix() for path in run_dir.rglob("*") if path.is_file()}
    assert found == {"run.json", "submission/submission.csv", "logs/agent.log", "logs/run.log"}


def test_groups_of_one_agent_are_reported_together(published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    second = Published(published.folder.parent / f"2024-10-10{NAME[10:]}")
    for group in (published, second):
        name = group.run("toy-a")
        renamed = f"{name}-{group.folder.name[:10]}"
        (group.folder / name).rename(group.folder / renamed)
        (group.folder / "metadata.json").write_text(json.dumps({"runs": {renamed: {}}}))
        group.report({renamed: BRONZE})
    assert main(["import", "mle-bench-runs", str(published.folder), str(second.folder)]) == 0
    capsys.readouterr()
    assert main(["report", published.folder.name, second.folder.name, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    selection = document["splits"]["selection"]
    assert (selection["seeds"], selection["counts"]["runs"]) == (2, 2)


def test_every_command_that_takes_a_group_says_how_to_import_it(published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    published.run("toy-a")
    for words in (["report", str(published.folder)], ["grade", str(published.folder)]):
        assert main(words) == 2
        assert f"`mlebench import mle-bench-runs {published.folder}`" in capsys.readouterr().err
