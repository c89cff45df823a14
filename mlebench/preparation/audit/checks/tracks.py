"""Logs next to test units that follow the answers over time: sentences of NMEA, fixes of a receiver, readings of a meter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grading.printable import printable
from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.asked import endings
from mlebench.preparation.audit.checks.files import FileGroup, file_groups
from mlebench.preparation.audit.clue import Clue, Guess
from mlebench.preparation.audit.truth import Target

_ENDINGS = frozenset({".nmea", ".txt", ".log", ".gpx", ".ubx", ".dat", ".trk", ""})
_MOST_BYTES = 2**23
_MOST_UNITS = 300
_MOST_LINES = 200_000
_MOST_FIELDS = 40
_MOST_KINDS = 40
_MOST_TARGETS = 6
_LEAST_ROWS, _LEAST_LINES = 20, 8
_FOLLOWED = 0.95
"""Share of the variance within units that a log must explain, its values unchanged."""
_DAY = 86_400.0
_LEAP_SECONDS = 18.0
"""By which clocks of satellites are ahead of others."""


@dataclass(frozen=True)
class _Log:
    """Lines of one kind of one unit."""

    values: Mapping[str, np.ndarray]
    """By field and notation, each shape (lines,)."""
    clocks: Mapping[str, np.ndarray]
    """Fields that never fall, each shape (lines,); `place` is one of them."""


def followed(case: Case, check: str) -> Iterator[Clue]:
    """Fields of logs that go along with number targets of units with several test rows each."""
    targets = [target for target in case.truth.targets if target.kind == "number"][:_MOST_TARGETS]
    times = _numbers(endings(case.truth))
    for group in file_groups(case) if targets else ():
        sizes = np.bincount(group.units[group.units >= 0], minlength=len(group.files))
        if group.files[0].suffix not in _ENDINGS or sizes.max() < _LEAST_LINES or sizes.sum() < _LEAST_ROWS:
            continue
        logs = _logs_of(case, group)
        guesses, fields = [], []
        for target in targets:
            best = _best(logs, group.units, target, times)
            if best is not None:
                fields.append(f"{printable(best[0], 60)} follows {printable(target.name, 40)}")
                guesses.append(Guess(target.name, best[1]))
        if guesses:
            yield Clue(check, group.pattern, f"in logs of {len(group.files):,} units {' and '.join(fields)}", tuple(guesses))


def _logs_of(case: Case, group: FileGroup) -> Mapping[str, Mapping[int, _Log]]:
    """By kind of line, and by the position of the unit in the group, what the lines say."""
    places = {file.path: place for place, file in enumerate(group.files)}
    found: defaultdict[str, dict[int, _Log]] = defaultdict(dict)
    for file, content in case.seen.contents(group.files[:_MOST_UNITS], _MOST_BYTES):
        if b"\0" in content[:1024]:
            continue
        kinds: defaultdict[str, list[list[str]]] = defaultdict(list)
        for line in content.decode("utf-8", "replace").splitlines()[:_MOST_LINES]:
            fields = line.replace(";", ",").replace("\t", ",").split(",") if "," in line or "\t" in line else line.split()
            kind = fields[0].strip() if fields and not _is_number(fields[0]) else ""
            if len(fields) > 1 and (kind in kinds or len(kinds) < _MOST_KINDS):
                kinds[kind].append(fields[:_MOST_FIELDS])
        for kind, lines in kinds.items():
            if len(lines) >= _LEAST_LINES:
                found[kind][places[file.path]] = _log(lines)
    return found


def _log(lines: Sequence[Sequence[str]]) -> _Log:
    width = max(map(len, lines))
    columns = [[line[place] if place < len(line) else "" for line in lines] for place in range(width)]
    values: dict[str, np.ndarray] = {}
    clocks: dict[str, np.ndarray] = {"place": np.arange(len(lines), dtype=np.float64)}
    for place, cells in enumerate(columns):
        numbers = _numbers(np.array(cells, dtype=object))
        if np.isnan(numbers).mean() > 0.1:
            continue
        values[f"field {place + 1}"] = numbers
        sides = np.array([cell.strip().upper() for cell in columns[place + 1]]) if place + 1 < width else np.empty(0)
        if np.isin(sides, ("N", "S", "E", "W")).mean() > 0.9 if len(sides) else False:
            degrees = numbers // 100 + numbers % 100 / 60
            values[f"field {place + 1}, degrees and minutes,"] = np.where(np.isin(sides, ("S", "W")), -degrees, degrees)
        if not np.isnan(numbers).any() and (np.diff(numbers) >= 0).all() and numbers[0] < numbers[-1]:
            clocks[f"field {place + 1}"] = numbers
    return _Log(values, clocks)


def _best(
    logs: Mapping[str, Mapping[int, _Log]], units: np.ndarray, target: Target, times: np.ndarray
) -> tuple[str, np.ndarray] | None:
    """Kind, field and clock that follow a target most closely, and what they say about the test rows; None if none does."""
    best: tuple[float, str, np.ndarray] | None = None
    for kind, by_unit in logs.items():
        ways = {(field, clock) for log in by_unit.values() for field in log.values for clock in log.clocks}
        for field, clock in sorted(ways):
            said = np.full(len(units), np.nan)
            for place, log in by_unit.items():
                if field in log.values and clock in log.clocks:
                    rows = np.flatnonzero((units == place) & ~np.isnan(target.values))
                    said[rows] = _at(log.values[field], log.clocks[clock], clock == "place", times[rows])
            share = _explained(said, target.values, units)
            if share >= _FOLLOWED and (best is None or share > best[0]):
                best = share, f"{field} of lines {kind}".replace(" of lines  ", " "), said
    return None if best is None else (best[1], best[2])


def _at(values: np.ndarray, clock: np.ndarray, by_place: bool, times: np.ndarray) -> np.ndarray:
    """What a log says at the times of rows, shape (rows,); NaN where their clocks are not the same."""
    known, is_timed = ~np.isnan(values), not np.isnan(times).any()
    if by_place:
        order = times if is_timed else np.arange(len(times), dtype=np.float64)
        spread = order.max() - order.min() if len(order) else 0.0
        asked = (order - order.min()) / spread * (clock[-1] - clock[0]) + clock[0] if spread else order
        return np.asarray(np.interp(asked, clock[known], values[known]))
    if not is_timed:
        return np.full(len(times), np.nan)
    for asked, own in _same_clocks(times, clock):
        if len(asked) and own[0] <= np.median(asked) <= own[-1]:
            return np.asarray(np.interp(asked, own[known], values[known]))
    return np.full(len(times), np.nan)


def _same_clocks(times: np.ndarray, clock: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Times of rows and of a log in one unit: as they are, or as seconds of a day written `hhmmss`."""
    for unit in (1.0, 1e3, 1e6, 1e9, 1e-3):
        yield times * unit, clock
    seconds = clock // 10_000 * 3_600 + clock // 100 % 100 * 60 + clock % 100
    for unit in (1.0, 1e3, 1e6, 1e9):
        yield (times / unit) % _DAY, seconds
        yield (times / unit - _LEAP_SECONDS) % _DAY, seconds


def _explained(said: np.ndarray, true: np.ndarray, units: np.ndarray) -> float:
    """The share of the variance within units that is explained, over the rows that are told; 0 of too few."""
    rows = np.flatnonzero(~np.isnan(said) & ~np.isnan(true))
    if len(rows) < _LEAST_ROWS:
        return 0.0
    _, codes = np.unique(units[rows], return_inverse=True)
    means = np.bincount(codes, true[rows]) / np.bincount(codes)
    total = float(((true[rows] - means[codes]) ** 2).sum())
    return 1 - float(((true[rows] - said[rows]) ** 2).sum()) / total if total > 0 else 0.0


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(cells: np.ndarray) -> np.ndarray:
    import pandas as pd

    return np.asarray(pd.to_numeric(pd.Series(cells), errors="coerce").to_numpy(dtype=np.float64))
