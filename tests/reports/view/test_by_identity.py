"""What is made of an object is made once, and forgotten with it."""

from __future__ import annotations

import gc

from mlebench.reports.view.by_identity import ByIdentity
from mlebench.runs.record import RunRecord


def a_record() -> RunRecord:
    return RunRecord("a_seed0", "g", "a", 0, "agent", "v1")


def test_an_object_is_asked_once_and_an_equal_one_anew() -> None:
    made: list[str] = []

    def make(record: RunRecord) -> int:
        made.append(record.run_id)
        return len(made)

    kept = ByIdentity(make)
    one, other = a_record(), a_record()

    assert one == other
    assert (kept(one), kept(one), kept(other), kept(one)) == (1, 1, 2, 1)


def test_what_nobody_holds_any_more_is_forgotten() -> None:
    kept: ByIdentity[RunRecord, str] = ByIdentity(lambda record: record.run_id)
    held = [a_record() for _ in range(100)]
    for record in held:
        kept(record)
    assert len(kept) == 100

    del record, held[1:]
    gc.collect()

    assert len(kept) == 1
