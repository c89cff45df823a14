"""Which models the runs of a group asked, as their ledgers say it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from grading.printable import printable
from mlebench._support.ledger import ledger_lines
from mlebench.evidence.opened import OpenedGroup
from mlebench.evidence.verdict import Finding
from mlebench.gateway.model_call import LEDGER as MODEL_CALLS
from mlebench.gateway.model_call import ModelCall
from mlebench.runs.ledgers import MOST_BYTES, ledger_path


def model_ledgers(group: OpenedGroup, run_id: str) -> Iterator[tuple[Path, str]]:
    """The ledgers of calls to models that a run and its earlier attempts left, each with its name in the bundle."""
    run_dir = group.run_dir(run_id)
    for folder in (run_dir, *sorted(run_dir.glob("attempts/*"))):
        path = ledger_path(folder, MODEL_CALLS)
        if path.is_file():
            yield path, group.file_of(run_id, *path.relative_to(run_dir).parts)


def unplanned_models(group: OpenedGroup) -> Iterator[Finding]:
    """The first call of each ledger to a model that the group's plan does not name; a provider was asked, whatever it said."""
    names = {printable(known, 300) for known in group.group.plan.models}
    for run_id in group.records:
        for path, name in model_ledgers(group, run_id):
            yield from _of_ledger(path, name, names)


def _of_ledger(path: Path, name: str, names: set[str]) -> Iterator[Finding]:
    try:
        for line, entry in enumerate(ledger_lines(path, MOST_BYTES), 1):
            call = ModelCall.from_entry(entry)
            if call is not None and call.outcome in ("answered", "failed") and call.model not in names:
                yield Finding(name, f"a model that is not in the plan was asked, {printable(str(call.model), 60)}", line)
                return
    except OSError as error:
        yield Finding(name, f"it cannot be read ({error.strerror})")
