"""The course of an attempt: what it asked, submitted and used until now, each file read once for a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mlebench.reports.view.watched_attempt import WatchedAttempt
from mlebench.runs.kept_snapshots import KeptSnapshot, kept_snapshots
from mlebench.runs.ledgers_so_far import LedgersSoFar, read_ledgers
from mlebench.runs.measures import Measure, read_measures


class Course(NamedTuple):
    """What is known of an attempt's course."""

    ledgers: LedgersSoFar
    measures: Sequence[Measure]
    snapshots: Sequence[KeptSnapshot]


def read_course(attempt: WatchedAttempt) -> Course:
    """Read it from the attempt's folder, where anybody may have written."""
    return Course(
        read_ledgers(attempt.folder, attempt.run_dir),
        read_measures(attempt.folder),
        kept_snapshots(attempt.folder, attempt.run_dir),
    )
