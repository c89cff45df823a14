"""Requests to a group while it runs: files in its folder that the harness polls, or that the next one finds.

The command line and the live page both use these functions. Under `.orders/`, a name that no run can have:

    paused            exists as long as no further run is to start
    parallel          most runs at once, an integer
    .parallel.taken   the same while the harness applies it
    retry/RUN         a run to repeat
    cancel/RUN        in addition to the marker in the run's folder, so that a waiting run is cancelled before its turn

The harness removes each file after applying it, except `paused`, so that the requester sees that it is done.
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
_PAUSED, _PARALLEL, _TAKEN, _RETRY, _CANCEL = "paused", "parallel", ".parallel.taken", "retry", "cancel"
_MOST_PARALLEL = 1_000_000
_MOST_ORDERS = 100_000
_LONGEST_ORDER = 100
_PATIENCE_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 0.1

_Answer = Literal["obeyed", "alone", "told"]


def pause(group: Group) -> str:
    """Start no further run until `go_on`; runs that have started continue.

    Returns:
        what happens next, one sentence for people.

    Raises:
        UsageError: it is already paused, imported, not run by a harness, or every run has ended.
    """
    records = _left(group, "paused")
    if is_paused(group.folder):
        raise UsageError(f"{group.name} is already paused; {_go_on(group)} starts runs again")
    _require_harness(group, "so no run starts")
    _write(_place(group, _PAUSED), "")
    running = sum(record.state == "running" for record in records)
    others = (
        f"{counted(running, 'run')} {'continues' if running == 1 else 'continue'} to the end" if running else "none is running"
    )
    return f"{group.name} is paused: no further run starts, {others}; {_go_on(group)} starts runs again"


def go_on(group: Group) -> str:
    """Start runs again; as `pause`."""
    _left(group, "continued")
    _require_harness(group, "paused or not")
    if not end_pause(group):
        raise UsageError(f"{group.name} is not paused; {group.command('runs', group.name)} shows what its runs wait for")
    return f"{group.name} continues: runs start again"


def set_parallel(group: Group, parallel: int) -> str:
    """Limit how many runs of the harness run at once, to more or fewer than before; as `pause`.

    Without a harness, the group stores the number until it is resumed.
    """
    if not 0 < parallel <= _MOST_PARALLEL:
        raise UsageError(f"{parallel} runs cannot run at once; give `--parallel` an integer from 1 to {_MOST_PARALLEL:,}")
    _left(group, "changed")

    def keep() -> None:
        now = Group.open(group.folder)
        now.with_settings(now.settings.changed({"parallel": parallel}))

    answer = _carry_out(group, _place(group, _PARALLEL), str(parallel), keep)
    words = f"at most {counted(parallel, 'run')} at once"
    if answer == "alone":
        return f"{group.name} is limited to {words}; {_resume(group)} continues it with that limit"
    if answer == "told":
        return f"the harness of {group.name} was asked to run {words} but has not responded yet; check with {_show(group)}"
    return f"the harness of {group.name} runs {words} from now on; running runs are not stopped"


def retry_run(group: Group, run_id: str) -> str:
    """Repeat a run that resuming would repeat, or that was cancelled by name.

    Returns:
        what happens next: the harness starts it, or, if none runs, which command does.

    Raises:
        UsageError: it has not ended, or its end is a result, so that a further attempt would mean choosing among results.
    """
    group.refuse_imported("retried")
    run = next(run for run in group.plan.runs if run.run_id == run_id)
    require_retriable(group, group.record(run))
    if is_at_work(group.folder) and os.path.lexists(group.folder / "cancel"):
        raise UsageError(f"{group.name} is being cancelled as a whole; {_resume(group)} repeats its runs once it has ended")

    def put_back_alone() -> None:
        record = group.record(run)
        require_retriable(group, record)
        put_back(group, record)
        write_grading_report(group)

    answer = _carry_out(group, _place(group, _RETRY, run_id), "", put_back_alone)
    if answer == "alone":
        return f"{run_id} is marked for another attempt; {_resume(group)} starts it"
    if answer == "told":
        return f"the harness of {group.name} was asked to repeat {run_id} but has not responded yet; check with {_show(group)}"
    if is_paused(group.folder):
        return f"{run_id} is repeated once {group.name} continues; {_go_on(group)} starts runs again"
    return f"{run_id} is repeated as soon as there is room for it; {_show(group)} shows it"


class Orders(NamedTuple):
    """The requests that a harness finds."""

    is_paused: bool = False
    parallel: int | None = None
    """A new limit; None: unchanged."""
    retried: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()


def read_orders(group: Group) -> Orders:
    """The current requests to a group, for the harness that holds its lock; it confirms them with `settle`."""
    if not os.path.lexists(group.folder / _FOLDER):
        return Orders()
    return Orders(is_paused(group.folder), _read_parallel(group), _read_runs(group, _RETRY), _read_runs(group, _CANCEL))


def settle(group: Group, obeyed: Orders) -> bool:
    """Remove requests that were carried out; a pause stays until `go_on`. False if one cannot be removed."""
    done = [_place(group, _RETRY, run_id) for run_id in obeyed.retried]
    done += [_place(group, _CANCEL, run_id) for run_id in obeyed.cancelled]
    done += [_place(group, _TAKEN)] if obeyed.parallel is not None else []
    left = [order for order in done if not _drop(order)]
    return not left


def tell_cancelled(group: Group, run_id: str) -> None:
    """Notify the harness of a run that is cancelled by name before its turn."""
    _write(_place(group, _CANCEL, run_id), "")


def is_paused(folder: Path) -> bool:
    """Whether no further run of the group in `folder` is to start."""
    return os.path.lexists(folder / _FOLDER / _PAUSED)


def end_pause(group: Group) -> bool:
    """Let runs start again; returns whether the group was paused."""
    try:
        (group.folder / _FOLDER / _PAUSED).unlink()
    except FileNotFoundError:
        return False
    return True


def forget_orders(group: Group) -> bool:
    """Drop requests to an earlier harness, except runs to repeat; returns whether the group was paused."""
    for name in (_PARALLEL, _TAKEN):
        _drop(_place(group, name))
    return end_pause(group)


def _carry_out(group: Group, order: Path, content: str, alone: Callable[[], None]) -> _Answer:
    """Have the harness carry out a request, or do it here if none runs or it ends without having seen the request.

    Args:
        alone: carries it out, called with the group's lock held.
    """
    if is_at_work(group.folder):
        _write(order, content)
        end = time.monotonic() + _PATIENCE_SECONDS
        while _is_open(order) and is_at_work(group.folder):
            if time.monotonic() >= end:
                return "told"
            time.sleep(_LOOK_EVERY_SECONDS)
        if not _is_open(order):
            return "obeyed"
    with lock.hold(group.folder):
        alone()
        for left in (order, order.with_name(_TAKEN)):
            left.unlink(missing_ok=True)
    return "alone"


def _is_open(order: Path) -> bool:
    return os.path.lexists(order) or (order.name == _PARALLEL and os.path.lexists(order.with_name(_TAKEN)))


def _left(group: Group, what: str) -> list[RunRecord]:
    """The records of a group with runs left to do."""
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


def _drop(order: Path) -> bool:
    try:
        order.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _read_parallel(group: Group) -> int | None:
    taken = _place(group, _TAKEN)
    # moved away first, so that a request arriving meanwhile is not lost; one that a harness died over is still there
    with contextlib.suppress(OSError):
        _place(group, _PARALLEL).rename(taken)
    try:
        number = int(read_plain(taken, _LONGEST_ORDER))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        number = 0
    if not 0 < number <= _MOST_PARALLEL:
        _drop(taken)
        return None
    return number


def _read_runs(group: Group, kind: str) -> tuple[str, ...]:
    try:
        names = [name for name, _ in entries_plain(_place(group, kind), group.folder, _MOST_ORDERS)]
    except OSError:
        return ()
    if not names:
        return ()
    known = {run.run_id for run in group.plan.runs}
    for name in names:
        # files still being written begin with a dot
        if name not in known and not name.startswith("."):
            _drop(_place(group, kind, name))
    return tuple(name for name in names if name in known)


def _resume(group: Group) -> str:
    return group.command("run", "--resume", group.name)


def _show(group: Group) -> str:
    return group.command("runs", group.name)


def _go_on(group: Group) -> str:
    return group.command("runs", group.name, "--continue")
