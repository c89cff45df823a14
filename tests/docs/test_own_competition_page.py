"""The page on a competition of one's own works as it is printed, without a checkout: its commands run in an empty folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from mlebench.cli.main import main

PAGE = (Path(__file__).parents[2] / "docs" / "own-competition.md").read_text(encoding="utf-8")
COMMANDS = [
    line.partition(" #")[0].strip()
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
    if not language
]


def test_its_commands_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    ran = []
    for line in COMMANDS:
        words = [str(Path(word).expanduser()) for word in shlex.split(line)]
        if words[0] == "export":
            name, value = words[1].split("=", 1)
            monkeypatch.setenv(name, str(Path(value).expanduser()))
        if words[0] != "mlebench":
            continue
        if "--from" in words and not (tmp_path / "my-raw-data").exists():
            (tmp_path / "mlebench-data" / "my-competition" / "raw").rename(tmp_path / "my-raw-data")
        code = main(words[1:])
        output = capsys.readouterr()
        if words[1] == "check":
            # the task texts of a new folder are still to be written
            faults = re.findall(r"^  (\S+)  (.*)", output.out.partition("to fix:")[2].partition("to look at:")[0], re.MULTILINE)
            assert code == 1 and faults, output
            assert all("description" in place for place, _ in faults), output
        else:
            assert code == 0, (line, output)
        ran.append(words[1])
    assert {"new-competition", "prepare", "grade", "run", "audit", "check"} <= set(ran)
    assert (tmp_path / "mlebench-data" / "my-competition" / "prepared-v2" / "private").is_dir()


def test_it_shows_every_file_that_is_made(tmp_path: Path) -> None:
    assert main(["new-competition", "my-competition", "--into", str(tmp_path)]) == 0
    listed = re.findall(r"^\| `([\w.]+)` \|", PAGE, re.MULTILINE)
    assert set(listed) == {path.name for path in (tmp_path / "my-competition").iterdir()}
