"""Answers are read once and kept beside the data: as long as they, and the code that reads them, stay the same."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pandas as pd
import pytest

from grading import table_file
from mlebench.registry import Competition, Registry, kept_answers
from mlebench.registry.kept_answers import FOLDER
from tests.grade.hostile import make_toy

GRADE = """\
from grading import Grader, Real
from grading.metrics.regression import mae

grader = Grader(id="id", columns={"y": Real()}, metric=mae)
"""


@pytest.fixture
def competition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Competition:
    competitions, data = make_toy(tmp_path)
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(competitions))
    monkeypatch.setattr(kept_answers, "_SMALLEST", 0)
    (competitions / "toy" / "grade.py").write_text(GRADE)
    competition = Registry(data).get_competition("toy")
    competition.answers.write_text("id,y\n01,1\n2,2.5\n")
    return competition


def again(competition: Competition) -> pd.DataFrame:
    """The answers as another process finds them."""
    return Registry(competition.data_dir).get_competition("toy").answers_table


def kept(competition: Competition) -> list[Path]:
    return sorted((competition.root / FOLDER).iterdir())


def test_a_second_process_does_not_parse_the_answers(competition: Competition, monkeypatch: pytest.MonkeyPatch) -> None:
    first = again(competition)
    (file,) = kept(competition)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700

    def never(*_: object) -> pd.DataFrame:
        raise AssertionError("the answers are parsed again")

    monkeypatch.setattr("grading.grader.read_answers", never)
    pd.testing.assert_frame_equal(again(competition), first, check_exact=True)


def test_other_answers_of_the_same_size_and_time_are_read(competition: Competition) -> None:
    again(competition)
    before, status = kept(competition), competition.answers.stat()
    competition.answers.write_text("id,y\n01,1\n2,7.5\n")
    os.utime(competition.answers, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert again(competition)["y"].tolist() == [1, 7.5]
    assert len(kept(competition)) == 1
    assert kept(competition) != before


@pytest.mark.parametrize("change", ["columns", "code"])
def test_what_was_read_in_another_way_does_not_count(
    competition: Competition, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    again(competition)
    before = kept(competition)
    if change == "columns":
        (competition.folder / "grade.py").write_text(GRADE.replace("Real", "Text"))
        fresh = Registry(competition.data_dir).get_competition("toy")
        # modules of a folder are loaded once in a process
        object.__setattr__(fresh, "grader", _text_grader())
        assert fresh.answers_table["y"].tolist() == ["1", "2.5"]
    else:
        monkeypatch.setattr(table_file, "VERSION", table_file.VERSION + 1)
        kept_answers._code.cache_clear()
        assert again(competition)["y"].tolist() == [1, 2.5]
    assert kept(competition) != before


def _text_grader() -> object:
    from grading import Grader, Text
    from grading.metrics.classification import accuracy

    return Grader(id="id", columns={"y": Text()}, metric=accuracy)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 rubbish", b"id,y\n01,9\n"])
def test_a_damaged_file_is_ignored_and_written_again(competition: Competition, content: bytes) -> None:
    first = again(competition)
    (file,) = kept(competition)
    whole = file.read_bytes()
    file.write_bytes(content)
    pd.testing.assert_frame_equal(again(competition), first)
    assert file.read_bytes()[:4] == whole[:4]
    assert table_file.read_table(file, kept_answers._made_of(competition.answers, competition.grader)) is not None


def test_where_nothing_can_be_written_nothing_is_kept(competition: Competition) -> None:
    (competition.root / FOLDER).write_text("a file stands in the way")
    assert again(competition)["id"].tolist() == ["01", "2"]
    assert (competition.root / FOLDER).is_file()


def test_it_can_be_removed_at_any_time(competition: Competition) -> None:
    first = again(competition)
    (file,) = kept(competition)
    file.unlink()
    file.parent.rmdir()
    pd.testing.assert_frame_equal(again(competition), first)


def test_small_answers_are_not_worth_a_file(competition: Competition, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    Registry(competition.data_dir).load(competition.folder).answers_table
    assert not (competition.root / FOLDER).exists()


def test_it_lies_outside_of_what_is_prepared(competition: Competition) -> None:
    again(competition)
    assert not (competition.root / FOLDER).is_relative_to(competition.prepared_dir)
    assert not (competition.root / FOLDER).is_relative_to(competition.public_dir)
