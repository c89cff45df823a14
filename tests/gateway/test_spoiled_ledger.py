"""An agent of the local sandbox may spoil ledger and transcript; calls are answered all the same, and a harness goes on."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench.profiles import Budget
from tests.gateway.served import Served, serving


def spoil(path: Path, how: str) -> None:
    def huge() -> None:
        line = path.read_bytes() if path.is_file() else b""
        with path.open("wb") as file:
            file.seek(10 * 2**30)
            file.write(b"\n" + line)

    if how in ("a pipe", "a folder", "a link"):
        path.unlink(missing_ok=True)
    ways: dict[str, Callable[[], object]] = {
        "a pipe": lambda: os.mkfifo(path),
        "a folder": path.mkdir,
        "a link": lambda: path.symlink_to("/dev/full"),
        "huge": huge,
        "garbage": lambda: path.write_bytes(os.urandom(5000)),
        "gone": path.unlink,
    }
    ways[how]()


WAYS = ["a pipe", "a folder", "a link", "huge", "garbage", "gone"]


@pytest.mark.parametrize("how", WAYS)
def test_while_it_runs(served: Served, how: str) -> None:
    assert served.call().status == 200
    spoil(served.folder / "model_calls.jsonl", how)
    assert [served.call().status for _ in range(3)] == [200] * 3
    assert served.gateway.spent.calls == 4
    assert any("model_calls.jsonl" in note for note in served.notes)
    served.gateway.close()


@pytest.mark.parametrize("how", WAYS[:-1])
def test_before_a_harness_goes_on(served: Served, how: str) -> None:
    assert served.call().status == 200
    served.gateway.close()
    served.notes.clear()
    spoil(served.folder / "model_calls.jsonl", how)
    served.serve()
    assert served.call().status == 200
    assert any("model_calls.jsonl" in note for note in served.notes)


def test_what_was_spent_is_known_though_another_process_holds_the_ledger(tmp_path: Path) -> None:
    with serving(tmp_path, budget=Budget(calls=1)) as served:
        assert served.call().status == 200
        served.gateway.close()
        with (served.folder / "model_calls.jsonl").open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            served.serve()
            assert served.gateway.spent.calls == 1
            assert served.call().status == 400


@pytest.mark.parametrize("how", ["a pipe", "a folder", "a link"])
def test_the_folder_of_texts(served: Served, how: str) -> None:
    spoil(served.folder / "transcript", how)
    assert [served.call().status for _ in range(2)] == [200] * 2
    served.gateway.close()
    assert [note for note in served.notes if "transcript" in note] or how == "a folder"
