"""Preparing many competitions: each on its own, so that one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from mlebench.data.acquisition import acquire
from mlebench.data.preparation import PreparationRecord, alone, is_prepared, prepare_alone
from mlebench.edition import fingerprint
from mlebench.errors import MlebenchError, UsageError
from mlebench.registry import Competition


@dataclass(frozen=True)
class PreparationOutcome:
    """How preparing one competition ended."""

    competition_id: str
    message: str
    exit_code: int = 0


@dataclass(frozen=True)
class _Task:
    competition: Competition
    source: Path | None
    mock: bool
    keep_raw: bool
    verify: bool
    force: bool
    new_key: bool


def prepare_all(
    competitions: Sequence[Competition],
    *,
    source: Path | None = None,
    mock: bool = False,
    jobs: int = 1,
    keep_raw: bool = False,
    verify: bool = True,
    force: bool = False,
    new_key: bool = False,
    tell: Callable[[str], None] = print,
) -> list[PreparationOutcome]:
    """Prepare competitions, skipping what is prepared already.

    Args:
        source: a zip or folder with the raw data, or a folder of such.
        mock: make the raw data up.
        jobs: worker processes.
        keep_raw: keep raw data that lies in the data directory.
        verify: compare md5 sums.
        force: prepare again what is prepared.
        new_key: with `force`, generate data from a fresh key where none is given, instead of the one kept beside the answers.
        tell: gets one line per finished competition.

    Returns:
        One outcome per competition; errors that a user can cause are outcomes, not exceptions.
    """
    tasks = [_Task(competition, source, mock, keep_raw, verify, force, new_key) for competition in competitions]
    outcomes = []
    if jobs <= 1 or len(tasks) == 1:
        for task in tasks:
            outcomes.append(_prepare_one(task))
            tell(outcomes[-1].message)
        return outcomes
    with ProcessPoolExecutor(min(jobs, len(tasks))) as pool:
        for future in as_completed(pool.submit(_prepare_one, task) for task in tasks):
            outcomes.append(future.result())
            tell(outcomes[-1].message)
    return outcomes


def _prepare_one(task: _Task) -> PreparationOutcome:
    competition = task.competition
    try:
        with alone(competition):
            if is_prepared(competition) and not task.force:
                _require_same_key(competition)
                return PreparationOutcome(competition.id, f"{competition.id}: already prepared in {competition.prepared_dir}")
            raw = acquire(competition, task.source, mock=task.mock, verify=task.verify)
            record = prepare_alone(competition, raw.folder, verify=task.verify, mock=raw.mock, new_key=task.new_key)
            if not (task.keep_raw or raw.mock):
                raw.drop()
    except MlebenchError as error:
        return PreparationOutcome(competition.id, f"{competition.id}: {error}", error.exit_code)
    how = _how(record)
    return PreparationOutcome(competition.id, f"{competition.id}: prepared in {competition.prepared_dir} ({how})")


def _require_same_key(competition: Competition) -> None:
    wanted = competition.edition.key
    if competition.facts.keyed and wanted is not None and competition.instance_hash != fingerprint(wanted):
        raise UsageError(
            f"it is prepared from another key in {competition.prepared_dir}; `mlebench prepare {competition.id} --force` with "
            "the same key replaces that data"
        )


def _how(record: PreparationRecord) -> str:
    if record.instance_hash:
        return f"generated from key {record.instance_hash}"
    return "verified" if record.verified else "mock data" if record.mock else "not verified"
