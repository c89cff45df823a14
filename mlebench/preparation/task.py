"""Getting and preparing one competition, whatever goes wrong being told in the outcome."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlebench._support.progress import Progress, Watch, ignore
from mlebench._support.quantities import show_size
from mlebench.data.raw_faults import RawDataFault
from mlebench.errors import MlebenchError, UsageError, WorkFailed
from mlebench.preparation.build import alone, explained, is_prepared, prepare_alone
from mlebench.preparation.record import PreparationRecord, made_from_another
from mlebench.preparation.sources import acquire
from mlebench.registry import Competition

if TYPE_CHECKING:
    from mlebench.kaggle.transfer import Transfer

State = Literal["prepared", "present", "skipped", "failed"]


@dataclass(frozen=True)
class PreparationOutcome:
    """How preparing one competition ended."""

    competition_id: str
    message: str
    exit_code: int = 0
    state: State = "prepared"
    """prepared: now; present: it was already; skipped: as asked for; failed: `message` says why."""
    seconds: float = 0.0


@dataclass(frozen=True)
class PreparationTask:
    """What a worker gets."""

    competition: Competition
    source: Path | None
    mock: bool
    keep_raw: bool
    verify: bool
    force: bool
    new_key: bool = False
    pages: bool = False
    transfer: Transfer | None = None


def prepare_one(task: PreparationTask, watch: Watch = ignore, memory: int | None = None) -> PreparationOutcome:
    """Get and prepare one competition; what goes wrong, whatever it is, is told in the outcome.

    Args:
        task: what to do.
        watch: gets phases and bytes.
        memory: most bytes that this process may use, for the message if that is too little.
    """
    started = time.monotonic()
    name = task.competition.id
    try:
        outcome = _prepare(task, watch)
    except MlebenchError as error:
        outcome = failure(name, str(error), error.exit_code)
    except MemoryError:
        outcome = failure(name, too_little_memory(memory))
    except Exception as error:
        where = _keep_traceback(task.competition)
        outcome = failure(name, f"preparing failed unexpectedly ({type(error).__name__}: {error}){where}")
    return replace(outcome, seconds=time.monotonic() - started)


def too_little_memory(memory: int | None) -> str:
    """What to do where memory did not do."""
    if memory is None:
        return "the memory of this machine does not do; call again with fewer --jobs"
    return f"it needs more than {show_size(memory)} of memory; call again with fewer --jobs or a higher --memory"


def failure(competition_id: str, message: str, exit_code: int = 1) -> PreparationOutcome:
    """The outcome of work that failed."""
    return PreparationOutcome(competition_id, f"{competition_id}: {message}", exit_code, "failed")


def _prepare(task: PreparationTask, watch: Watch) -> PreparationOutcome:
    competition = task.competition
    with alone(competition, lambda: watch(Progress(competition.id, "waits for another process that prepares it"))):
        if task.pages:
            _fetch_pages(task, watch)
        if is_prepared(competition) and not task.force:
            _require_same_data(task)
            return PreparationOutcome(
                competition.id, f"{competition.id}: already prepared in {competition.prepared_dir}", state="present"
            )
        with explained(competition, "getting the raw data of"):
            raw = acquire(competition, task.source, mock=task.mock, verify=task.verify, transfer=task.transfer, watch=watch)
        watch(Progress(competition.id, "preparing"))
        try:
            record = prepare_alone(competition, raw.folder, verify=task.verify, mock=raw.mock, new_key=task.new_key)
        except RawDataFault as error:
            # what lies there would be taken again
            raise WorkFailed(f"{error}: remove {raw.folder} and call again" if raw.ours else str(error)) from None
        if not (task.keep_raw or raw.mock):
            watch(Progress(competition.id, "removing raw data"))
            raw.drop()
    return PreparationOutcome(competition.id, f"{competition.id}: prepared in {competition.prepared_dir} ({_how(record)})")


def _require_same_data(task: PreparationTask) -> None:
    """Refuse to take a mock for real data, or data of another key or version for what is asked for."""
    competition = task.competition
    again = f"`{competition.prepare_command} --force`"
    if part := made_from_another(competition):
        how = f"{again} with the same key" if part == "key" else again
        raise UsageError(f"it is prepared from another {part} in {competition.prepared_dir}; {how} replaces that data")
    record = PreparationRecord.read(competition.prepared_dir)
    if record and record.mock and not task.mock:
        raise UsageError(f"{competition.prepared_dir} is prepared from a mock; {again} replaces it by the real data")


def _how(record: PreparationRecord) -> str:
    if record.instance_hash:
        return f"generated from key {record.instance_hash}"
    odd = "".join(f"; but {sentence}" for sentence in record.odd_counts)
    return "verified" + odd if record.verified else "mock data" if record.mock else "not verified"


def _fetch_pages(task: PreparationTask, watch: Watch) -> None:
    from mlebench.kaggle.pages import fetch_pages

    watch(Progress(task.competition.id, "getting Kaggle's pages"))
    with explained(task.competition, "getting Kaggle's pages of"):
        fetch_pages(task.competition, task.transfer)


def _keep_traceback(competition: Competition) -> str:
    path = competition.root / "error.log"
    try:
        path.write_text(traceback.format_exc(), encoding="utf-8")
    except OSError:
        return ""
    return f"; {path} holds the traceback"
