"""How the ledgers of a run end, as its record says."""

from __future__ import annotations

import os
from pathlib import Path

from mlebench._support.ledger import Ledger
from mlebench.runs.ledgers import ledger_ends, ledger_path, settle_ledgers

NOTHING = {"lines": 0, "head": None}


def write(path: Path, lines: int) -> str | None:
    ledger = Ledger(path)
    for number in range(lines):
        ledger.append({"call": number})
    ledger.close()
    return ledger.head


def test_ends_are_those_of_every_ledger_that_a_run_has(tmp_path: Path) -> None:
    assert ledger_ends(tmp_path, has_gateway=False) == {"checker_calls": NOTHING}
    heads = {name: write(ledger_path(tmp_path, name), 2) for name in ("checker_calls", "model_calls")}
    ends = {name: {"lines": 2, "head": head} for name, head in heads.items()}
    assert ledger_ends(tmp_path, has_gateway=True) == ends
    assert ledger_ends(tmp_path, has_gateway=False) == {"checker_calls": ends["checker_calls"]}


def test_what_is_no_ledger_has_no_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "checker_calls.jsonl")
    (tmp_path / "model_calls.jsonl").symlink_to("/etc/passwd")
    assert ledger_ends(tmp_path, has_gateway=True) == {"checker_calls": NOTHING, "model_calls": NOTHING}


def test_a_line_that_a_killed_harness_left_torn_is_cut_off_at_the_runs_end(tmp_path: Path) -> None:
    path = ledger_path(tmp_path, "checker_calls")
    head = write(path, 3)
    with path.open("ab") as file:
        file.write(b'{"at":"2026')
    notes: list[str] = []
    settle_ledgers(tmp_path, True, notes.append)
    assert path.read_bytes().endswith(b"}\n")
    assert ledger_ends(tmp_path, True) == {"checker_calls": {"lines": 3, "head": head}, "model_calls": NOTHING}
    assert notes == ["checker_calls.jsonl: the last line was incomplete and is removed"]
