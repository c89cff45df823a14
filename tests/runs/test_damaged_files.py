"""Whatever a killed machine, a full disk or an agent leaves in the place of a file: every reader says so and shows the rest."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from grading import CompetitionReport
from grading.medals import Board, Thresholds
from mlebench._support.files import json_text, write_json
from mlebench.cli.commands.runs import group_content, show_group
from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.preparation.record import PreparationRecord
from mlebench.registry.competition import PREPARED_RECORD
from mlebench.reports.group_folder import read_group
from mlebench.runs.control import Control, StopMarks
from mlebench.runs.group import Group
from mlebench.runs.group_report import GroupResult, write_grading_report
from mlebench.runs.plan import Plan
from mlebench.runs.result import SUBMISSION
from mlebench.runs.schedule.forecast import make_forecast
from mlebench.runs.task import RunTask
from tests.ordinary_user import IS_ORDINARY, needs_root, run_as_ordinary_user
from tests.waiting import wait_until

from .simulated import write_ended_run

READERS = [
    ["runs"],
    ["runs", "damaged", "--json"],
    ["runs", "damaged", "--tail", "toy-b_seed0"],
    ["report", "damaged", "--html", "page.html"],
    ["report", "runs"],
    ["status"],
]
CHANGERS = [
    ["runs", "damaged", "--cancel"],
    ["run", "--resume", "damaged"],
    ["grade", "damaged"],
    ["runs", "damaged"],
]
SAMPLE = "{}/{}/prepared/public/sample_submission.csv"
THOROUGHLY = ("empty", "pipe", "folder")
"""Damages that are shown to the commands themselves."""


def fifo(path: Path) -> None:
    os.mkfifo(path)


WHOLE: dict[str, bytes | Callable[[Path], object]] = {
    "empty": b"",
    "nothing": b"null",
    "a number": b"7",
    "a text": b'"words"',
    "a list": b"[1, 2]",
    "no keys": b"{}",
    "deep list": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "not text": b"\x80\x81\xff",
    "UTF-16": "{}".encode("utf-16"),
    "zeros": b"\0" * 5000,
    "huge number": b"9" * 10_000,
    "folder": Path.mkdir,
    "pipe": fifo,
    "link to nothing": lambda path: path.symlink_to("gone"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "endless": lambda path: path.symlink_to("/dev/zero"),
}
VALUES: list[Any] = [
    None, [], {}, [1], {"a": 1}, "words", -1, 0.5, True, 1e308, 10**400, float("nan"), float("inf"), "\ud800",
    "0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-12:00", "2026-01-31T09:30:00",
]  # fmt: skip


@pytest.fixture
def groups(plan: Callable[..., Plan], runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two groups of three runs each that earned bronze, with reports of everything; returns the folder of the one to damage."""
    monkeypatch.chdir(runs_dir.parent)
    made = [Group.create(runs_dir, plan(), {}, name) for name in ("damaged", "sound")]
    for group in made:
        for run in group.plan.runs:
            (group.run_dir(run.run_id) / "submission").mkdir()
            shutil.copy(SAMPLE.format(group.plan.data_dir, run.competition_id), group.run_dir(run.run_id) / SUBMISSION)
            (group.run_dir(run.run_id) / "run.log").write_text("words\n")
            record = write_ended_run(group, run, 60)
            board = Board(True, Thresholds(0.1, 0.5, 1.0, 2.0, lower_is_better=True))
            report = CompetitionReport.from_score(run.competition_id, 1.0, board, submission_path="s", run_id=run.run_id, seed=0)
            record.report = report.to_dict()
            record.usage, record.resources = {"input_tokens": 12}, {"peak_memory_bytes": 2**20, "cpu_seconds": 1.5}
            record.write(group.run_dir(run.run_id))
        write_grading_report(group)
        snapshot = {"run_id": "toy-a_seed0", "seconds": 60, "report": group.records()[0].report}
        write_json(group.folder / "snapshot_reports.json", {"snapshots": [snapshot]})
    return made[0].folder


def replace(path: Path, damage: bytes | Callable[[Path], object]) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if isinstance(damage, bytes):
        path.write_bytes(damage)
    else:
        damage(path)


def check(words: list[str], capsys: pytest.CaptureFixture[str], what: str) -> str:
    """Run a command; returns what it said."""
    try:
        code = main(words)
    except BaseException as error:
        raise AssertionError(f"{words} with {what}: {type(error).__name__}: {error}") from error
    said = capsys.readouterr()
    assert code in (0, 1, 2), (words, what)
    assert "Traceback" not in said.err + said.out, (words, what)
    assert code == 0 or len(said.err.strip()) > 10, (words, what)
    return said.out


def check_sound(capsys: pytest.CaptureFixture[str], what: str) -> None:
    assert "sound" in check(["runs"], capsys, what), what
    assert check(["runs", "sound"], capsys, what).count("bronze") == 3, what
    assert "bronze" in check(["report", "sound"], capsys, what), what


FILES = [
    "group.yaml",
    "grading_report.json",
    "snapshot_reports.json",
    "toy-a_seed0/run.json",
    "toy-a_seed0/.outcome.json",
    "toy-a_seed0",
]


def read_all(folder: Path, what: str) -> None:
    """What listings, totals, forecasts and reports make of a group; a damaged plan is an error that they all know."""
    try:
        group = Group.open(folder)
        result = GroupResult(group, group.records())
        json_text(group_content(result))
        show_group(result)
        forecast = make_forecast(group.plan, group.conditions, folder.parent)
        list(map(forecast.rank, group.plan.runs))
        read_group(folder)
    except UsageError:
        pass
    except Exception as error:
        raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_damaged_as_a_whole(groups: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(groups, tmp_path / "kept")
    for what, damage in WHOLE.items():
        replace(groups / name, damage)
        read_all(groups, what)
        if what in THOROUGHLY:
            for words in CHANGERS if what == "folder" else READERS:
                check(words, capsys, what)
            shutil.rmtree(groups)
            shutil.copytree(tmp_path / "kept", groups)
    check_sound(capsys, name)


@pytest.mark.skipif(not IS_ORDINARY, reason="root reads everything; an ordinary user runs this below")
@pytest.mark.parametrize("name", [".", "group.yaml", "toy-a_seed0", "toy-a_seed0/run.json", "toy-a_seed0/submission"])
def test_what_may_not_be_read_hides_nothing_else(groups: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        for words in [*READERS, *CHANGERS]:
            # commands that write leave files with modes of their own
            (groups / name).chmod(0)
            check(words, capsys, name)
        (groups / name).chmod(0)
        check_sound(capsys, name)
        main(["runs"])
        shown = capsys.readouterr()
        assert "damaged" in shown.out + shown.err
    finally:
        (groups / name).chmod(0o755)


@pytest.mark.skipif(not IS_ORDINARY, reason="root reads everything; an ordinary user runs this below")
def test_what_may_not_be_read_lets_a_run_be_cancelled_with_its_group(groups: Path) -> None:
    group, control = Group.open(groups), Control()
    task = RunTask(group, group.plan.runs[0])
    (groups / "cancel").touch()
    task.run_dir.chmod(0)
    try:
        with StopMarks(task, control):
            wait_until(lambda: control.is_asked)
    finally:
        task.run_dir.chmod(0o755)


@needs_root
def test_what_an_ordinary_user_may_not_read() -> None:
    run_as_ordinary_user(__file__, "test_what_may_not_be_read")


def variants(content: Any) -> Iterator[tuple[str, Any]]:
    """The content with one inner value replaced after the other, each by every odd one."""
    if isinstance(content, dict):
        for key, inner in content.items():
            for value in VALUES:
                yield f"{key}={value!r:.30}", {**content, key: value}
            for what, changed in variants(inner):
                yield f"{key}.{what}", {**content, key: changed}
    elif isinstance(content, list) and content:
        for value in VALUES:
            yield f"[0]={value!r:.30}", [value, *content[1:]]
        for what, changed in variants(content[0]):
            yield f"[0].{what}", [changed, *content[1:]]


@pytest.mark.parametrize("name", FILES[:4])
def test_a_file_with_a_value_of_another_kind(groups: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = groups / name
    text = path.read_text()
    is_yaml = path.suffix == ".yaml"
    changes = list(variants(yaml.safe_load(text) if is_yaml else json.loads(text)))
    # a prime, so that every key and every value has its turn
    for what, changed in changes[::13]:
        path.write_text(yaml.dump(changed) if is_yaml else json.dumps(changed))
        read_all(groups, what)
    capsys.readouterr()
    check_sound(capsys, name)


@pytest.mark.parametrize("damage", ["", "[1, 2]", "id: toy-a", "[" * 10_000, "version: " + "9" * 10_000])
def test_a_faulty_competition_hides_no_other(
    groups: Path, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "competitions" / "toy-a" / "competition.yaml").write_text(damage)
    assert "toy-b" in check(["list", "--split", "demo"], capsys, damage[:20])
    assert [message.split(":")[0] for message in caplog.messages] == ["toy-a is left out"]
    assert "toy-b" in check(["status"], capsys, damage[:20])
    check_sound(capsys, damage[:20])


@pytest.mark.parametrize("what", WHOLE)
def test_a_damaged_record_of_prepared_data_is_none(tmp_path: Path, what: str) -> None:
    replace(tmp_path / PREPARED_RECORD, WHOLE[what])
    assert PreparationRecord.read(tmp_path) is None
