"""A running run's model usage, in a small file in its folder, for observers from outside."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from grading.printable import printable
from mlebench._support.files import move_aside, write_json
from mlebench._support.plain_files import read_plain

_NAME = ".model_status.json"
_LARGEST = 2**14
_LARGEST_NUMBER = 2**53
_LONGEST_SENTENCE = 200


@dataclass(frozen=True)
class ModelStatus:
    """A run's usage so far, as counted by its gateway, and what its calls wait for."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    """None if a price is unknown."""
    waiting: str | None = None
    """A sentence, if calls wait for a limit shared by runs."""


def write_status(run_dir: Path, status: ModelStatus) -> None:
    """Write the status.

    Raises:
        OSError: it cannot be written.
    """
    move_aside(run_dir / _NAME)
    write_json(run_dir / _NAME, asdict(status))


def read_status(run_dir: Path) -> ModelStatus | None:
    """The status in a run's untrusted file, reduced to plausible numbers and a printable sentence; None if unusable."""
    try:
        content = json.loads(read_plain(run_dir / _NAME, _LARGEST))
        calls, input_tokens, output_tokens = (_count(content.get(key)) for key in ("calls", "input_tokens", "output_tokens"))
        cost, waiting = content.get("cost_usd"), content.get("waiting")
        return ModelStatus(
            calls,
            input_tokens,
            output_tokens,
            float(cost) if _is_amount(cost) else None,
            waiting=printable(waiting, _LONGEST_SENTENCE) if isinstance(waiting, str) else None,
        )
    except (OSError, ValueError, AttributeError, RecursionError):
        return None


def drop_status(run_dir: Path) -> None:
    """Remove the status once it is no longer updated."""
    try:
        move_aside(run_dir / _NAME)
        (run_dir / _NAME).unlink(missing_ok=True)
    except OSError:
        return


def _count(value: object) -> int:
    return int(value) if _is_amount(value) else 0  # type: ignore[call-overload]


def _is_amount(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and 0 <= value < _LARGEST_NUMBER  # type: ignore[arg-type, operator]
