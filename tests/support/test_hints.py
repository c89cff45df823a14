"""A command in a message can be pasted as it stands."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from mlebench._support import paths
from mlebench._support.hints import alternatives, command, quoted


def test_words_are_quoted_for_a_shell() -> None:
    assert command("grade", "my file.csv", "-c", "ID") == "`mlebench grade 'my file.csv' -c ID`"
    assert shlex.split(command("grade", "it's; rm -r x").strip("`"))[2] == "it's; rm -r x"


def test_names_are_listed_as_in_a_sentence() -> None:
    assert [alternatives(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a or b", "a, b or c"]


def test_directories_are_named_unless_they_are_the_usual_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLEBENCH_RUNS_DIR", str(tmp_path / "runs"))
    assert command("runs", "g", runs_dir=paths.runs_dir(), data_dir=paths.data_dir()) == "`mlebench runs g`"
    other = command("runs", "g", runs_dir=tmp_path / "my runs", data_dir=tmp_path / "d")
    assert other == f"`mlebench runs g --data-dir {tmp_path}/d --runs-dir '{tmp_path}/my runs'`"


@pytest.mark.parametrize("name", [b"n\xff.csv", b"two\nlines'", b"\x1b[31m\\", "é\u2028x".encode()])
def test_a_name_that_cannot_be_shown_is_still_the_same_name_for_a_shell(name: bytes) -> None:
    word = quoted(os.fsdecode(name))
    assert word.isprintable()
    assert subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True).stdout == name
