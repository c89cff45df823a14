"""Long commands from end to end: what a log gets, and the command that each offers at its end."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from mlebench._support.steps import Step
from mlebench.cli.main import main
from mlebench.exports.harbor.choices import Choices
from mlebench.exports.harbor.write import write_tasks
from mlebench.registry import Registry
from tests.sound_steps import assert_sound

IDS = ("spaceship-titanic", "leaf-classification")


def offered(text: str) -> list[str]:
    """The words of the first command in the line that begins with `next: `."""
    (line,) = [line for line in text.splitlines() if line.startswith("next: ")]
    return shlex.split(re.findall("`([^`]+)`", line)[0])


def test_prepare_offers_a_run_of_what_is_prepared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(tmp_path / "my data")
    assert main(["prepare", *IDS, "--mock", "--data-dir", data]) == 0
    words = offered(capsys.readouterr().err)
    assert words[0] == "mlebench"
    # the command is right as it stands
    assert main([*words[1:], "--dry-run", "--runs-dir", str(tmp_path / "runs")]) == 0
    plan = capsys.readouterr().out
    assert all(name in plan for name in IDS)


def test_prepare_of_a_split_offers_the_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = tmp_path / "my list.txt"
    listed.write_text("\n".join(IDS))
    assert main(["prepare", "--list", str(listed), "--mock", "--edition", "v2", "--data-dir", str(tmp_path)]) == 0
    words = offered(capsys.readouterr().err)
    assert words[words.index("--split") + 1] == str(listed) and words[words.index("--edition") + 1] == "v2"
    assert main([*words[1:], "--dry-run", "--runs-dir", str(tmp_path / "runs")]) == 0


def test_a_quiet_command_offers_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", *IDS, "--mock", "--quiet", "--data-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().err == ""


def test_tasks_of_harbor_are_counted(tmp_path: Path) -> None:
    steps: list[Step] = []
    registry = Registry(tmp_path)
    write_tasks([registry.get_competition(name) for name in IDS], tmp_path / "tasks", Choices.of(None, {}), steps.append)
    assert_sound(steps, phases=["writing"])
