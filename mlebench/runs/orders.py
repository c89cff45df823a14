"""What people ask of a group while it runs: files in its folder that the harness looks for, or that the next one finds.

The command line and the live page do the same through these functions. Under `.orders/`, a name that no run can have:

    paused        is there as long as no further run is to start
    parallel      most runs at once, a whole number; the harness removes it once it has obeyed
    retry/RUN     a run that is to be done again; as `parallel`
    cancel/RUN    beside the mark in the run's folder, so that a run that waits is not found out only at its turn; as `parallel`
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from grading.wording import counted
from mlebench._support.files import write_text
from mlebench._support.plain_files import entries_plain, read_plain
from mlebench.errors import UsageError
from mlebench.runs import lock
from mlebench.runs.another_attempt import put_back, require_retriable
from mlebench.runs.group import Group
from mlebench.runs.group_report import write_grading_report
from mlebench.runs.harness_status import is_at_work
from mlebench.runs.record import RunRecord

_FOLDER = ".orders"
_PAUSED, _PARALLEL, _RETRY, _CANCEL = "paused", "parallel", "retry", "cancel"
_MOST_PARALLEL = 1_000_000
_MOST_ORDERS = 100_000
_LONGEST_ORDER = 100
_PATIENCE_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 0.1

_Answer = Literal["taken", "alone", "told"]


def pause(group: Group) -> str:
    """Start no further run until `go_on`; runs that have started go on.

    Returns:
        what happens now, one sentence for people.

    Raises:
        UsageError: it is paused already, imported, no harness runs it, or every run has ended.
    """
    records = _left(group, "paused")
    if is_paused(group.folder):
        raise UsageError(f"{group.name} is paused already; {_go_on(group)} starts runs again")
    _require_harness(group, "so no run starts")
    _write(_place(group, _PAUSED), "")
    running = sum(record.state == "running" for record in records)
    others = f"{counted(running, 'run')} {'goes' if running == 1 else 'go'} on to the end" if running else "none is running"
    return f"{group.name} is paused: no further run starts, {others}; {_go_on(group)} starts runs again"


def go_on(group: Group) -> str:
    """Start runs again; as `pause`."""
    _left(group, "continued")
    _require_harness(group, "paused or not")
    if not end_pause(group):
        raise UsageError(f"{group.name} is not paused; {group.command('runs', group.name)} shows what its runs wait for")
    return f"{group.name} goes on: runs start again"


def set_parallel(group: Group, parallel: int) -> str:
    """Let at most so many runs of the harness run at once, more or fewer than before; as `pause`.

    Without a harness the group keeps the number for when it is resumed.
    """
    if not 0 < parallel <= _MOST_PARALLEL:
        raise UsageError(f"{parallel} runs cannot run at once; give `--parallel` a whole number from 1 to {_MOST_PARALLEL:,}")
    _left(group, "changed")

    def keep() -> None:
        now = Group.open(group.folder)
        now.with_settings(now.settings.changed({"parallel": parallel}))

    answer = _carry_out(group, _place(group, _PARALLEL), str(parallel), keep)
    words = f"at most {counted(parallel, 'run')} at once"
    if answer == "alone":
        return f"{group.name} is kept to {words}; {_resume(group)} continues it so"
    if answer == "told":
        return f"the harness of {group.name} is told to keep to {words}, and has not answered yet; {_show(group)} shows it"
    return f"the harness of {group.name} keeps to {words} from now on; no running run is stopped for it"


def retry_run(group: Group, run_id: str) -> str:
    """Do a run again that resuming would do again, or that was cancelled by name.

    Returns:
        what happens now: the harness starts it, or which command does where none runs.

    Raises:
        UsageError: it has not ended, or its end is a result, which a further attempt would choose from.
    """
    group.refuse_imported("retried")
    run = next(run for run in group.plan.runs if run.run_id == run_id)
    require_retriable(group, group.record(run))
    if is_at_work(group.folder) and os.path.lexists(group.folder / "cancel"):
        raise UsageError(f"{group.name} is being cancelled as a whole; {_resume(group)} does its runs again once it has ended")

    def put_back_alone() -> None:
        record = group.record(run)
        require_retriable(group, record)
        put_back(group, record)
        write_grading_report(group)

    answer = _carry_out(group, _place(group, _RETRY, run_id), "", put_back_alone)
    if answer == "alone":
        return f"{run_id} is to be done again; {_resume(group)} starts it"
    if answer == "told":
        return f"the harness of {group.name} is told to do {run_id} again, and has not answered yet; {_show(group)} shows it"
    if is_paused(group.folder):
        return f"{run_id} is done again once {group.name} goes on; {_go_on(group)} starts runs again"
    return f"{run_id} is done again as soon as there is room for it; {_show(group)} shows it"


class Orders(NamedTuple):
    """What a harness finds that it is to do."""

    is_paused: bool = False
    parallel: int | None = None
    """Another limit than before; None: as it was."""
    retried: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()


def take_orders(group: Group) -> Orders:
    """What is asked of a group now; all but a pause is handed out once. For the harness that holds the group's lock."""
    folder = group.folder / _FOLDER
    if not os.path.lexists(folder):
        return Orders()
    return Orders(
        is_paused(group.folder), _take_parallel(group), _take_runs(group, folder / _RETRY), _take_runs(group, folder / _CANCEL)
    )


def tell_cancelled(group: Group, run_id: str) -> None:
    """Tell the harness of a run that is cancelled by name before its turn."""
    _write(_place(group, _CANCEL, run_id), "")


def is_paused(folder: Path) -> bool:
    """Whether no further run of the group in `folder` is to start."""
    return os.path.lexists(folder / _FOLDER / _PAUSED)


def end_pause(group: Group) -> bool:
    """Let runs start again; whether the group was paused."""
    try:
        (group.folder / _FOLDER / _PAUSED).unlink()
    except FileNotFoundError:
        return False
    return True


def forget_orders(group: Group) -> bool:
    """Drop what was asked of an earlier harness, but for runs that are to be done again; whether the group was paused."""
    with contextlib.suppress(FileNotFoundError):
        (group.folder / _FOLDER / _PARALLEL).unlink()
    return end_pause(group)


def _carry_out(group: Group, order: Path, content: str, alone: Callable[[], None]) -> _Answer:
    """Have the harness obey, or do it here where none runs, also where it ends without having seen the order.

    Args:
        alone: does it, called with the group's lock held.
    """
    if is_at_work(group.folder):
        _write(order, content)
        end = time.monotonic() + _PATIENCE_SECONDS
        while os.path.lexists(order) and is_at_work(group.folder):
            if time.monotonic() >= end:
                return "told"
            time.sleep(_LOOK_EVERY_SECONDS)
        if not os.path.lexists(order):
            return "taken"
    with lock.hold(group.folder):
        order.unlink(missing_ok=True)
        alone()
    return "alone"


def _left(group: Group, what: str) -> list[RunRecord]:
    """The records of a group that has runs left to do."""
    group.refuse_imported(what)
    records = group.records()
    if all(record.has_ended for record in records):
        raise UsageError(f"every run of {group.name} has ended; {_show(group)} shows them")
    return records


def _require_harness(group: Group, so: str) -> None:
    if not is_at_work(group.folder):
        raise UsageError(f"no harness runs {group.name}, {so}; {_resume(group)} continues it")


def _place(group: Group, *names: str) -> Path:
    return group.folder.joinpath(_FOLDER, *names)


def _write(order: Path, content: str) -> None:
    order.parent.mkdir(parents=True, exist_ok=True)
    write_text(order, content)


def _take_parallel(group: Group) -> int | None:
    order = _place(group, _PARALLEL)
    # taken away first, so that one that comes meanwhile is not lost
    taken = order.with_name(".parallel.taken")
    try:
        order.rename(taken)
        number = int(read_plain(taken, _LONGEST_ORDER))
    except (OSError, ValueError):
        return None
    finally:
        with contextlib.suppress(OSError):
            taken.unlink(missing_ok=True)
    return number if 0 < number <= _MOST_PARALLEL else None


def _take_runs(group: Group, folder: Path) -> tuple[str, ...]:
    try:
        names = [name for name, _ in entries_plain(folder, group.folder, _MOST_ORDERS)]
    except OSError:
        return ()
    if not names:
        return ()
    for name in names:
        with contextlib.suppress(OSError):
            (folder / name).unlink()
    known = {run.run_id for run in group.plan.runs}
    return tuple(name for name in names if name in known)


def _resume(group: Group) -> str:
    return group.command("run", "--resume", group.name)


def _show(group: Group) -> str:
    return group.command("runs", group.name)


def _go_on(group: Group) -> str:
    return group.command("runs", group.name, "--continue")
