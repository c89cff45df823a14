"""Files that an agent, or anyone with access to a run's folder, may have written: sanitised once before entering the record."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from grading.printable import printable
from mlebench._support.ledger import all_lines, ledger_lines
from mlebench._support.plain_files import read_plain
from mlebench._support.secrets import Mask
from mlebench._support.text import decode
from mlebench.runs.ledgers import MOST_BYTES, ledger_path
from mlebench.sandbox.checker_call import LEDGER, CheckerCall

Note = Callable[[str], None]

USAGE_FILE = Path("logs") / "usage.json"
_LARGEST_USAGE = 2**20
_MOST_VERDICTS = 200_000
"""Limit per record, which would otherwise become too large to read; the checker answers once every five seconds."""
_MOST_REFUSED = 10**6 - 1
_MOST_KEYS = 100
_LONGEST_KEY, _LONGEST_TEXT, _LONGEST_TIME = 100, 500, 80
_LARGEST_NUMBER = 2**53
"""Integers up to this size are exact in every JSON reader, and sums stay finite."""


def reported_usage(run_dir: Path, note: Note, secrets: tuple[str, ...] = ()) -> dict[str, Any]:
    """The agent's own counts from `logs/usage.json`, a flat object of numbers and texts; see `harmless`.

    Args:
        run_dir: the run's folder.
        note: receives a sentence about what is left out.
        secrets: values that are masked.
    """
    try:
        content = Mask(secrets).apply(read_plain(run_dir / USAGE_FILE, _LARGEST_USAGE, within=run_dir))
        usage = json.loads(decode(content), parse_constant=_not_a_number)
    except FileNotFoundError:
        return {}
    except OSError as error:
        note(f"{USAGE_FILE} is left out: {error.strerror}")
        return {}
    except (ValueError, RecursionError):
        note(f"{USAGE_FILE} is left out: it is not UTF-8 JSON, or holds a number with thousands of digits")
        return {}
    if not isinstance(usage, dict):
        note(f'{USAGE_FILE} is left out: it is not a JSON object such as {{"input_tokens": 1200}}')
        return {}
    return harmless(usage, note, secrets)


def harmless(usage: Mapping[Any, Any], note: Note = lambda _: None, secrets: tuple[str, ...] = ()) -> dict[str, Any]:
    """The entries that any reader can process: at most 100, with short printable keys and texts and finite numbers below 2**53.

    Args:
        usage: keys with values of any kind.
        note: receives one sentence if entries are left out.
        secrets: values that are masked in keys and texts.
    """
    mask = Mask(secrets)
    kept: dict[str, Any] = {}
    left_out = []
    for key, value in usage.items():
        shown = _shown(str(key), mask, _LONGEST_KEY)
        if isinstance(value, str):
            value = _shown(value, mask, _LONGEST_TEXT)
        elif not _is_usual_number(value):
            left_out.append(shown)
            continue
        if len(kept) < _MOST_KEYS:
            kept.setdefault(shown, value)
        else:
            left_out.append(shown)
    if left_out:
        more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
        note(
            f"{USAGE_FILE}: left out {', '.join(left_out[:3])}{more}; at most {_MOST_KEYS} entries are kept, which must be "
            f"texts or numbers "
            "below 2**53"
        )
    return kept


def checker_calls(run_dir: Path, note: Note, secrets: tuple[str, ...] = ()) -> tuple[list[dict[str, Any]], int]:
    """The submission checker's answers, from its ledger in a run's folder or that of an earlier attempt.

    Args:
        run_dir: the folder.
        note: receives a sentence if lines are left out.
        secrets: values that are masked.

    Returns:
        the verdicts in order, at most 200,000, each with `at` (an ISO time), `valid`, and `sha256` of the file (None if an
        earlier harness did not record it); and the number of calls answered without a verdict, below a million.
    """
    path, mask = ledger_path(run_dir, LEDGER), Mask(secrets)
    verdicts: list[dict[str, Any]] = []
    lines = refused = left_out = 0
    try:
        for entry in all_lines(path, MOST_BYTES):
            lines += 1
            call = None if entry is None else checker_call(entry)
            if entry is None or call is None or not isinstance(entry.get("at"), str):
                left_out += 1
            elif call.valid is None:
                refused += 1
            elif len(verdicts) < _MOST_VERDICTS:
                at = _shown(entry["at"], mask, _LONGEST_TIME)
                verdicts.append({"at": at, "valid": call.valid, "sha256": call.sha256})
            else:
                left_out += 1
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        note(f"{path.name} is left out: {error.strerror}")
        return [], 0
    if left_out:
        note(f"{path.name}: {left_out} of {lines} lines are left out: they are not checker calls, or exceed the limit")
    return verdicts, min(refused, _MOST_REFUSED)


def check_seconds(run_dir: Path, started_at: str | None) -> tuple[float, ...]:
    """Times of the submission checker's answers, with or without a verdict, in seconds since the agent's start, ascending.

    Args:
        run_dir: the run's folder.
        started_at: the agent's start as ISO text; None if it never started.
    """
    if started_at is None:
        return ()
    start = datetime.fromisoformat(started_at)
    seconds: list[float] = []
    # an unreadable answer cannot be placed on a chart
    with contextlib.suppress(OSError):
        for entry in ledger_lines(ledger_path(run_dir, LEDGER), MOST_BYTES):
            with contextlib.suppress(ValueError, TypeError, OverflowError):
                if checker_call(entry) is not None and len(seconds) < _MOST_VERDICTS:
                    seconds.append((datetime.fromisoformat(str(entry.get("at"))) - start).total_seconds())
    return tuple(sorted(seconds))


def checker_call(entry: Mapping[str, Any]) -> CheckerCall | None:
    """The call recorded in a line of the checker's ledger, which is untrusted; None if it is not one."""
    if "outcome" in entry:
        return CheckerCall.from_entry(entry)
    # lines of an earlier harness hold only `at` and `valid`
    valid = entry.get("valid")
    return CheckerCall("checked", 200, valid) if isinstance(valid, bool) else None


def _shown(text: str, mask: Mask, most: int) -> str:
    """Printable and masked, with everything that JSON or an encoding hid in the file spelled out."""
    # made printable first, as a lone surrogate cannot be masked, and shortened last, as a truncated secret would not match
    return printable(mask.apply_to_text(printable(text, None)), most)


def _is_usual_number(value: object) -> bool:
    # a comparison with NaN is false, and one with a whole number of any size is exact
    return isinstance(value, (bool, int, float)) and -_LARGEST_NUMBER < value < _LARGEST_NUMBER


def _not_a_number(_: str) -> None:
    """NaN and Infinity are not valid JSON; as null they are left out like any other value that is not a number."""
