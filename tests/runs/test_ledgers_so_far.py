"""What the ledgers of a run say so far is what they say when they are read whole, in little memory however long they are."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from mlebench.gateway.usage import SpendingMeter, spending_over_time
from mlebench.runs.kept_snapshots import kept_snapshots
from mlebench.runs.ledgers_so_far import read_ledgers
from tests.reports.view.watched import START, Watched


def test_what_was_spent_grows_with_the_ledger(tmp_path: Path) -> None:
    run = Watched(tmp_path)
    run.start()
    assert read_ledgers(run.folder, run.folder).spent == ()
    for minutes in (range(3), range(3, 5), range(5, 6)):
        run.ask_models(minutes)
        assert list(read_ledgers(run.folder, run.folder).spent) == spending_over_time(run.folder)


def test_steps_are_thinned_out_and_the_last_one_stays(tmp_path: Path) -> None:
    run = Watched(tmp_path)
    run.start()
    meter = SpendingMeter(run.folder, run.folder, most=10)
    for count in range(1, 60):
        run.ask_models([count])
        steps = meter.read()
        whole = spending_over_time(run.folder)
        assert steps[-1] == whole[-1] and len(steps) <= 11
        assert set(steps) <= set(whole)
    gaps = {after.calls - before.calls for before, after in itertools.pairwise(steps[:-1])}
    assert len(gaps) == 1


def test_a_ledger_that_was_replaced_counts_from_its_beginning(tmp_path: Path) -> None:
    run = Watched(tmp_path)
    run.start()
    run.ask_models(range(10))
    run.check([(1, True, "fine")] * 5)
    assert read_ledgers(run.folder, run.folder).checks == (5, 0, 0)
    for name in ("model_calls.jsonl", "checker_calls.jsonl"):
        (run.folder / name).rename(tmp_path / name)
    run.ask_models([1])
    run.check([(2, None, "too soon")])
    found = read_ledgers(run.folder, run.folder)
    assert (found.spent[-1].calls, found.checks) == (1, (0, 0, 1))
    assert [check.message for check in found.last_checks] == ["too soon"]


def test_verdicts_are_told_apart_with_their_moments(tmp_path: Path) -> None:
    run = Watched(tmp_path)
    run.start()
    run.check([(1, True, "fine"), (2, False, "wrong"), (3, None, "too soon"), (4, True, "fine")])
    found = read_ledgers(run.folder, run.folder)
    start = START.timestamp()
    assert (found.valid, found.invalid, found.refused) == ((start + 60, start + 240), (start + 120,), (start + 180,))
    assert [check.valid for check in found.last_checks] == [True, None, False, True]


def test_moments_of_many_checks_are_thinned_out(tmp_path: Path) -> None:
    run = Watched(tmp_path)
    run.start()
    entry = {"outcome": "checked", "status": 200, "valid": True, "at": START.isoformat()}
    (run.folder / "checker_calls.jsonl").write_text(f"{json.dumps(entry)}\n" * 20_000)
    found = read_ledgers(run.folder, run.folder)
    assert found.checks == (20_000, 0, 0) and 1000 < len(found.valid) <= 4000 and len(found.last_checks) == 50


def test_lines_of_a_harness_before_refusals_were_kept_are_read(tmp_path: Path) -> None:
    run = Watched(tmp_path)
    (run.folder / "checker_calls.jsonl").write_text(f'{{"valid": false, "at": "{START.isoformat()}"}}\n')
    assert read_ledgers(run.folder, run.folder).checks == (0, 1, 0)


def test_snapshots_are_known_by_their_moments(tmp_path: Path) -> None:
    folder = tmp_path / "snapshots"
    folder.mkdir()
    for name in ("010000.csv", "000500.csv", "notes.csv", "000600.txt", "99.csv"):
        (folder / name).write_text("id\n")
    (folder / "020000.csv").symlink_to("/etc/passwd")
    (folder / "030000.csv").mkdir()
    assert [(kept.seconds, kept.bytes) for kept in kept_snapshots(tmp_path, tmp_path)] == [(300, 3), (3600, 3)]
    assert kept_snapshots(tmp_path / "gone", tmp_path) == []
