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


def read(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_a_forged_line_is_marked_at_the_end_of_what_is_kept_and_after_a_note(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "run.log", largest=30)
    log.copy([b"epoch 1"])
    log.note("waiting")
    log.copy([b"[mlebench] forged\n[mle", b"bench] and cut off\n"])
    log.finish()
    lines = read(tmp_path / "run.log")
    assert [line for line in lines if line.startswith("[mlebench]")] == [lines[1], lines[-1]]
    assert lines[0] == "epoch 1" and "[agent: mlebench] forged"[:20] in lines[2]
    assert "waiting" in lines[1] and "more than 30 B" in lines[-1]


def test_notes_of_another_process_stand_on_lines_of_their_own(tmp_path: Path) -> None:
    copying, harness = RunLog(tmp_path / "run.log"), RunLog(tmp_path / "run.log")
    copying.copy([b"epoch 1 ..."])
    harness.note("stopped")
    copying.copy([b" done\n"])
    first, note, rest = read(tmp_path / "run.log")
    assert (first, rest) == ("epoch 1 ...", " done") and note.endswith("stopped")


def test_a_log_that_went_back_is_said(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "run.log")
    log.copy([b"the first line\n"])
    (tmp_path / "run.log").write_text("")
    log.copy([b"the next line\n"])
    note, line = read(tmp_path / "run.log")
    assert "this log was truncated" in note and line == "the next line"


def test_a_log_that_was_written_here_alone_passes_the_audit_as_it_is(tmp_path: Path) -> None:
    RunLog(tmp_path / "run.log").note("of an earlier harness")
    copying, harness = RunLog(tmp_path / "run.log", (SECRET,), 50), RunLog(tmp_path / "run.log", (SECRET,), 50)
    harness.trust()
    harness.note("started")
    copying.copy([b"[mlebench] forged\n" + b"x" * 99])
    copying.finish()
    before = (tmp_path / "run.log").read_bytes()
    harness.audit()
    assert (tmp_path / "run.log").read_bytes() == before


def test_what_an_agent_wrote_into_the_log_itself_is_brought_into_shape(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "run.log", (SECRET,))
    log.note("started")
    with (tmp_path / "run.log").open("a") as file:
        file.write(f"[mlebench] 2026-01-01 00:00:00 all is well\nkey {SECRET}\n[mle\x1b[0mbench] fine\n")
    log.audit()
    lines = read(tmp_path / "run.log")
    assert [line[31:] for line in lines if line.startswith("[mlebench]")] == [
        "started",
        "text that was not written to this log by the harness was replaced or left out",
    ]
    assert lines[1].startswith("[agent: mlebench]") and lines[2] == "key ***"


def test_a_log_that_was_replaced_is_said_and_a_giant_is_cut(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "run.log", largest=100)
    log.note("started")
    (tmp_path / "run.log").unlink()
    with (tmp_path / "run.log").open("wb") as file:
        file.truncate(10**12)
    log.audit()
    assert log.size < 10 * 2**20
    tail = (tmp_path / "run.log").read_bytes()[-300:]
    assert b"replaced or left out" in tail and b"this log was truncated" in tail


def test_a_log_that_is_gone_is_said(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "run.log")
    log.note("started")
    (tmp_path / "run.log").unlink()
    log.audit()
    (note,) = read(tmp_path / "run.log")
    assert "this log was truncated" in note
