"""Sizes, durations and counts as people write them (`16g`, `1h30m`, `200k`) and as the harness counts them."""

from __future__ import annotations

import re
from typing import Annotated

from mlebench._support.late_check import LateCheck

_BYTES = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_MOST_DIGITS = 18
_ZEROS = {"": 0, "k": 3, "m": 6}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_size(value: int | float | str) -> int:
    """Bytes of `512m`, `16g`, `1.5 GiB` or a plain number of bytes (units are powers of 1024).

    Raises:
        ValueError: not a size.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?", str(value).strip().lower())
    if match is None or isinstance(value, bool) or len(match[1]) > _MOST_DIGITS:
        raise ValueError(f"expected a size such as `512m` or `16g`, not {value!r}")
    return int(float(match[1]) * _BYTES[match[2]])


def parse_duration(value: int | float | str) -> float:
    """Seconds of `45s`, `30m`, `1h30m`, `1d` or a plain number of seconds.

    Raises:
        ValueError: not a duration.
    """
    text = str(value).strip().lower().replace(" ", "")
    if isinstance(value, bool) or not text or len(text) > 2 * _MOST_DIGITS:
        raise ValueError(f"expected a duration such as `30m` or `24h`, not {value!r}")
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if not re.fullmatch(r"(\d+(\.\d+)?[smhd])+", text):
        raise ValueError(f"expected a duration such as `30m` or `24h`, not {value!r}")
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)([smhd])", text))


def parse_count(value: int | float | str) -> int:
    """A whole number: `250`, `200k`, `1.5m` (thousands and millions; the unit is not bytes).

    Raises:
        ValueError: not a whole number.
    """
    match = re.fullmatch(r"(\d+)(?:\.(\d+))?([km]?)", str(value).strip().lower().replace("_", ""))
    if match is None or isinstance(value, bool) or len(str(value)) > _MOST_DIGITS:
        raise ValueError(f"expected a whole number such as `250`, `200k` or `2m`, not {value!r}")
    whole, fraction, unit = match[1], (match[2] or "").rstrip("0"), match[3]
    if len(fraction) > _ZEROS[unit]:
        raise ValueError(f"expected a whole number such as `250`, `200k` or `2m`, not {value!r}")
    return int(whole + fraction.ljust(_ZEROS[unit], "0"))


def show_size(count: float) -> str:
    """Bytes for people: `1.5 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def show_count(count: float) -> str:
    """Tokens and calls for people: `950`, `12.3k`, `1.5M`, `2.2G`."""
    if count < 999.5:
        return f"{count:.0f}"
    for unit in ("k", "M"):
        count /= 1000
        if count < 999.95:
            return f"{count:.1f}{unit}"
    return f"{count / 1000:,.1f}G"


def show_duration(seconds: float) -> str:
    """Seconds for people: `42 s`, `5 min`, `3 min 20 s`, `24 h`, `5 h 02 min`, `2 d 03 h`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _in_two_units(whole, 60, "min", 1, "s")
    # limits of 24 and 36 hours are called so
    if whole < 48 * 3600:
        return _in_two_units(whole, 3600, "h", 60, "min")
    return _in_two_units(whole, 86400, "d", 3600, "h")


def _in_two_units(seconds: int, large: int, large_name: str, small: int, small_name: str) -> str:
    rest = seconds % large // small
    return f"{seconds // large} {large_name}" + (f" {rest:02d} {small_name}" if rest else "")


Size = Annotated[int, LateCheck("BeforeValidator", parse_size)]
"""Bytes; a model field of this type reads `16g`."""

Duration = Annotated[float, LateCheck("BeforeValidator", parse_duration)]
"""Seconds; a model field of this type reads `1h30m`."""

Count = Annotated[int, LateCheck("BeforeValidator", parse_count)]
"""A whole number; a model field of this type reads `200k`."""
