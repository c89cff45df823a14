"""The ledgers of a run: their names, locations and ends."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlebench._support.ledger import Ledger, ledger_lines
from mlebench.gateway.model_call import LEDGER as MODEL_CALLS
from mlebench.sandbox.checker_call import LEDGER as CHECKER_CALLS

MOST_BYTES = 512 * 2**20
"""Size limit of a ledger; a larger one is not read."""


def ledger_path(run_dir: Path, name: str) -> Path:
    """Path of a ledger in a run's folder, or in that of an earlier attempt."""
    return run_dir / f"{name}.jsonl"


def ledger_names(has_gateway: bool) -> tuple[str, ...]:
    """The ledgers that a run has."""
    return (CHECKER_CALLS, MODEL_CALLS) if has_gateway else (CHECKER_CALLS,)


def ledger_ends(run_dir: Path, has_gateway: bool) -> dict[str, dict[str, Any]]:
    """The ends of a run's ledgers, as stored in `ledgers` of its record: by name the number of `lines` and the hash of the last
    one, `head`. An unused ledger has no lines and the head None, so that the loss of one is noticed."""
    return {name: _end(ledger_path(run_dir, name)) for name in ledger_names(has_gateway)}


def settle_ledgers(run_dir: Path, has_gateway: bool, note: Callable[[str], None]) -> None:
    """Remove the incomplete last line that a killed harness left in a ledger, unless it was written to since.

    Args:
        run_dir: the run's folder.
        has_gateway: whether the run has a gateway.
        note: receives a sentence about each fault.
    """
    for path in (ledger_path(run_dir, name) for name in ledger_names(has_gateway)):
        if os.path.lexists(path):
            Ledger(path, note).close()


def _end(path: Path) -> dict[str, Any]:
    lines, head = 0, None
    with contextlib.suppress(OSError):
        for entry in ledger_lines(path, MOST_BYTES):
            stated = entry.get("hash")
            lines, head = lines + 1, stated if isinstance(stated, str) and re.fullmatch("[0-9a-f]{64}", stated) else None
    return {"lines": lines, "head": head}
