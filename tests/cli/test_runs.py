"""What `mlebench runs` shows of runs, whatever their agents wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.runs.group import Group
from tests.reports import toys


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Group:
    data = toys.install(tmp_path, monkeypatch)
    return toys.make_group(tmp_path / "my runs", data, {"toy-one": [0.25]}, name="g")


def test_a_log_is_followed_without_being_obeyed(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    log = group.run_dir("toy-one_seed0") / "run.log"
    log.write_bytes(b"\x1b[32mgreen\x1b[0m\r\n10%\r20%\r\n\x1b]0;owned\x07\x9b\xc2\x9b2J\xe2\x80\xae\tend\n")
    assert main(["runs", "g", "--runs-dir", str(group.folder.parent), "--tail", "toy-one_seed0"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("green\n10%\n20%\n\\x1b]0;owned\\x07")
    assert shown.endswith("\\x9b2J\\u202e\tend\n")


def test_a_reason_with_controls_is_one_printable_cell(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    (planned,) = group.plan.runs
    record = group.record(planned)
    record.detail = "failed\nforged line\x1b[2J"
    record.write(group.run_dir(planned.run_id))
    assert main(["runs", "g", "--runs-dir", str(group.folder.parent)]) == 0
    shown = capsys.readouterr().out
    assert "failed\\nforged line\\x1b[2J" in shown
    assert all(line.isprintable() for line in shown.split("\n"))


def test_hints_name_the_folder_of_groups_that_was_given(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    runs_dir = str(group.folder.parent)
    assert main(["runs", "g", "--runs-dir", runs_dir, "--tail", "toy-one_seed9"]) == 2
    assert f"`mlebench runs g --runs-dir '{runs_dir}'` lists them" in capsys.readouterr().err
    assert main(["runs", "--runs-dir", runs_dir, "--watch"]) == 2
    assert f"`mlebench runs latest --watch --runs-dir '{runs_dir}'`" in capsys.readouterr().err
