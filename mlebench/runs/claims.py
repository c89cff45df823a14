"""What an agent, or whoever can write into a run's folder, says in files: made harmless once, on the way into the record."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from grading.printable import printable
from mlebench._support.plain_files import read_plain
from mlebench._support.secrets import Mask
from mlebench._support.text import decode

Note = Callable[[str], None]

USAGE_FILE = Path("logs") / "usage.json"
_LARGEST_USAGE = 2**20
_LARGEST_JOURNAL = 16 * 2**20
_MOST_KEYS = 100
_LONGEST_KEY, _LONGEST_TEXT, _LONGEST_TIME = 100, 500, 80
_LARGEST_NUMBER = 2**53
"""Up to here a whole number stays itself in every reader of JSON, and sums stay finite."""
_LONGEST_LINE = 2000


def reported_usage(run_dir: Path, note: Note, secrets: tuple[str, ...] = ()) -> dict[str, Any]:
    """What the agent counted in `logs/usage.json`, a flat object of numbers and texts; see `harmless`.

    Args:
        run_dir: the run's folder.
        note: receives a sentence for what is left out.
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
        note(f"{USAGE_FILE} is left out: it is not JSON in UTF-8, or holds a number of thousands of digits")
        return {}
    if not isinstance(usage, dict):
        note(f'{USAGE_FILE} is left out: it holds no object such as {{"input_tokens": 1200}}')
        return {}
    return harmless(usage, note, secrets)


def harmless(usage: Mapping[Any, Any], note: Note = lambda _: None, secrets: tuple[str, ...] = ()) -> dict[str, Any]:
    """The entries that any reader can take: at most 100, keys and texts short and printable, numbers finite and below 2**53.

    Args:
        usage: keys with values of any kind.
        note: receives one sentence where entries are left out.
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
            f"{USAGE_FILE}: left out {', '.join(left_out[:3])}{more}; kept are {_MOST_KEYS} entries that are texts or numbers "
            "below 2**53"
        )
    return kept


def checker_calls(journal: Path, note: Note, secrets: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """The calls of the submission checker, each with `at`, an ISO time, and `valid`.

    Args:
        journal: a line of JSON per call.
        note: receives a sentence where lines are left out.
        secrets: values that are masked.
    """
    try:
        lines = read_plain(journal, _LARGEST_JOURNAL).splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        note(f"{journal.name} is left out: {error.strerror}")
        return []
    mask = Mask(secrets)
    calls = [call for line in lines if (call := _call(line, mask)) is not None]
    # the last line is cut where the harness was killed
    if broken := len(lines) - len(calls):
        note(f"{journal.name}: {broken} of {len(lines)} lines are left out, as they hold no call of the checker")
    return calls


def _call(line: bytes, mask: Mask) -> dict[str, Any] | None:
    with contextlib.suppress(ValueError, RecursionError):
        call = json.loads(line) if len(line) <= _LONGEST_LINE else None
        if isinstance(call, dict) and isinstance(call.get("at"), str) and isinstance(call.get("valid"), bool):
            return {"at": _shown(call["at"], mask, _LONGEST_TIME), "valid": call["valid"]}
    return None


def _shown(text: str, mask: Mask, most: int) -> str:
    """Printable and masked: what JSON or an encoding hid in the file stands here in full."""
    # made printable first, as a lone surrogate cannot be masked, and shortened last, as a part of a secret is none
    return printable(mask.apply_to_text(printable(text, None)), most)


def _is_usual_number(value: object) -> bool:
    # a comparison with NaN is false, and one with a whole number of any size is exact
    return isinstance(value, (bool, int, float)) and -_LARGEST_NUMBER < value < _LARGEST_NUMBER


def _not_a_number(_: str) -> None:
    """NaN and Infinity are no JSON; as null they are left out like any other value that is no number."""
