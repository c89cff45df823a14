"""The run's log: whole lines, no secrets, never without end."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.sandbox.run_log import RunLog

SECRET = "sk-0123456789abcdef"


def test_secret_cut_by_blocks_is_masked(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "run.log", (SECRET,))
    log.copy([b"key sk-0123", b"456789abc", b"def end\nlast sk-01234", b"56789abcdef"])
    log.finish()
    assert (tmp_path / "run.log").read_bytes() == b"key *** end\nlast ***\n"


def test_output_is_capped_and_notes_go_on(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "run.log", largest=100)
    log.copy(b"x" * 9 + b"\n" for _ in range(10_000))
    log.finish()
    log.note("the end")
    lines = (tmp_path / "run.log").read_text().splitlines()
    assert lines[:10] == ["x" * 9] * 10
    assert len(lines) == 12
    assert "more than 100 B" in lines[10] and "the end" in lines[11]


def test_a_line_without_end_does_not_grow_in_memory(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "run.log", largest=10 * 2**20)
    log.copy(b"y" * 2**16 for _ in range(100))
    assert log.size == 100 * 2**16


def test_a_line_without_end_is_seen_as_it_comes_and_notes_stand_on_lines_of_their_own(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "run.log", (SECRET,))
    log.copy([b"epoch 1 ...", b" done sk-01"])
    log.note("the container engine does not answer")
    log.copy([b"23456789abcdef|"])
    log.finish()
    first, note, rest = (tmp_path / "run.log").read_text().splitlines()
    assert first == "epoch 1 ... done "
    assert note.startswith("[mlebench] ")
    assert rest == "***|"


def test_notes_mask_secrets_too(tmp_path: Path) -> None:
    RunLog(tmp_path / "run.log", (SECRET,)).note(f"left out {SECRET}")
    assert SECRET not in (tmp_path / "run.log").read_text()


def test_rewind_drops_what_is_read_again(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "run.log")
    log.note("start")
    size = log.size
    log.copy([b"one\n"])
    log.rewind(size)
    log.copy([b"one\ntwo\n"])
    assert (tmp_path / "run.log").read_text().splitlines()[1:] == ["one", "two"]


def test_a_log_that_cannot_be_written_ends_no_run_and_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = RunLog(tmp_path / "not-there" / "run.log")
    log.note("x")
    log.copy([b"x\n"])
    log.finish()
    assert len(caplog.messages) == 1 and "not-there/run.log cannot be written" in caplog.text
