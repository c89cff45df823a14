"""Preparing many competitions: each on its own, so that one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support.progress import Watch, ignore
from mlebench.preparation.pool import run_in_processes
from mlebench.preparation.task import PreparationOutcome, PreparationTask, prepare_one
from mlebench.registry import Competition

if TYPE_CHECKING:
    from mlebench.kaggle.transfer import Transfer


def prepare_all(
    competitions: Sequence[Competition],
    *,
    source: Path | None = None,
    mock: bool = False,
    jobs: int = 1,
    memory: int | None = None,
    keep_raw: bool = False,
    verify: bool = True,
    force: bool = False,
    new_key: bool = False,
    pages: bool = False,
    transfer: Transfer | None = None,
    tell: Callable[[str], None] = print,
    watch: Watch = ignore,
) -> list[PreparationOutcome]:
    """Prepare competitions, skipping what is prepared already.

    Args:
        competitions: the competitions.
        source: a zip or folder with the raw data, or a folder of such.
        mock: make the raw data up.
        jobs: competitions at a time; with more than one, or with `memory`, each is prepared in a process of its own.
        memory: most bytes that each process may use.
        keep_raw: keep raw data that lies in the data directory.
        verify: compare md5 sums.
        force: prepare again what is prepared.
        new_key: draw a fresh key for data that is generated, even if one is kept with the data that is replaced.
        pages: also keep Kaggle's own task pages.
        transfer: patience and bandwidth of downloads.
        tell: gets one line per finished competition.
        watch: gets phases and bytes while the work goes on.

    Returns:
        One outcome per competition, in the order of the competitions; errors that a user can cause are outcomes, not exceptions.
    """
    tasks = [
        PreparationTask(competition, source, mock, keep_raw, verify, force, new_key, pages, transfer)
        for competition in competitions
    ]
    if jobs <= 1 and memory is None:
        outcomes = []
        for task in tasks:
            outcomes.append(prepare_one(task, watch))
            tell(outcomes[-1].message)
        return outcomes
    return run_in_processes(tasks, jobs=jobs, memory=memory, tell=tell, watch=watch)
