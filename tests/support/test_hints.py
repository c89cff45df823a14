"""A command in a message can be pasted as it stands."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from mlebench._support import paths
from mlebench._support.hints import alternatives, command, mistyped, near, quoted


def test_words_are_quoted_for_a_shell() -> None:
    assert command("grade", "my file.csv", "-c", "ID") == "`mlebench grade 'my file.csv' -c ID`"
    assert shlex.split(command("grade", "it's; rm -r x").strip("`"))[2] == "it's; rm -r x"


def test_names_are_listed_as_in_a_sentence() -> None:
    assert [alternatives(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a or b", "a, b or c"]


@pytest.mark.parametrize(
    ("word", "nearest"),
    [("tme", ["time_limit"]), ("limt", ["limits"]), ("memry", ["memory"]), ("Memory", ["memory"]), ("xyz", [])],
)
def test_a_name_is_near_where_it_or_a_part_of_it_is_alike(word: str, nearest: list[str]) -> None:
    assert sorted(near(word, ["name", "memory", "time_limit", "limits", "network"])) == sorted(nearest)


def test_where_other_names_are_allowed_only_an_obvious_mistake_is_one() -> None:
    known = ["max_steps", "model"]
    assert [mistyped(name, known) for name in ("maxsteps", "modle", "MODEL")] == [True, True, True]
    assert [mistyped(name, known) for name in ("agent.code.model", "max_tokens", "seed")] == [False, False, False]
    assert not mistyped("model", [])


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
