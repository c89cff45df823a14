"""Files that belong to test rows, one for each unit at once."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.linked import Linked, Linker, linked_tables
from mlebench.preparation.audit.checks.once import once
from mlebench.preparation.audit.seen.listing import SeenFile
from mlebench.preparation.audit.truth import stem

MOST_OF_A_UNIT = 3
"""Maximum files examined of one unit, such as the slices of a study."""
_LEAST_UNITS = 4
_SHORTEST_NUMBER, _LONGEST_NUMBER = 3, 18
_LEAST_SHARE = 0.03
_JOINING = ("-", "_", "/", ".")
_MOST_NAMED = 2_000_000
_MOST_OF_A_NAME = 4
"""Test rows that a file has on average for a column to name it."""


@dataclass(frozen=True)
class FileGroup:
    """Files of one kind, one for each unit of test rows."""

    files: Sequence[SeenFile]
    units: np.ndarray
    """Shape (test rows,), int64: position of the file that a row belongs to, -1 for none."""

    @property
    def pattern(self) -> str:
        """Their location, such as `test/*.jpg`."""
        paths = [file.path.split("/") for file in self.files]
        same = [set(parts) for parts in zip(*paths, strict=False)]
        parts = [next(iter(part)) if len(part) == 1 else "*" for part in same]
        if len({file.suffix for file in self.files}) == 1 and parts[-1] == "*":
            parts[-1] = f"*{self.files[0].suffix}"
        return "/".join(parts)


@once
def file_groups(case: Case) -> list[FileGroup]:
    """The files of test rows: those of one ending, at one depth and of one place among the files of their unit together."""
    finder = Finder(case)
    found: dict[tuple[str, int], defaultdict[tuple[int, int], list[SeenFile]]] = {}
    for file in case.seen.files:
        rows = finder.rows_of(file)
        if len(rows):
            kind = (file.suffix, len(file.parts))
            found.setdefault(kind, defaultdict(list))[int(rows[0]), len(rows)].append(file)
    groups = []
    for units in found.values():
        for rank in range(MOST_OF_A_UNIT):
            group = finder.group([held[rank] for held in units.values() if len(held) > rank])
            if group is not None:
                groups.append(group)
    return groups


@once
def named_beside(case: Case) -> Mapping[str, np.ndarray]:
    """For names of files that belong to no single test row, and of their folders: the test rows next to them in tables.

    A table such as `image_id,prediction_id` is meant: where a column has few names, such as sides or sites, these are not file
    names.
    """
    names = {
        name
        for file in case.seen.files
        if "train" not in file.path.lower() and len(case.truth.rows_of(file.path)) != 1
        for part in file.parts
        for name in (part, stem(part))
    }
    found: dict[str, np.ndarray] = {}
    for source in linked_tables(case) if names else ():
        if "train" in source.table.path.lower() or source.by != "id":
            continue
        for column in sorted(source.id_columns & {*source.cells.columns})[:1]:
            for name, rows in _beside_ids(case, source, column, names):
                found.setdefault(name, rows)
    return found


def _beside_ids(case: Case, source: Linked, ids: str, names: set[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Names that cells of a table are or have at their ends, with the test rows that the cells next to them name."""
    linker = Linker(case.truth)
    columns = [column for column in source.columns if not names.isdisjoint(map(_last_part, source.cells[column]))]
    rows_of: dict[str, defaultdict[str, set[int]]] = {column: defaultdict(set) for column in columns}
    read = 0
    for chunk in source.table.chunks() if columns else ():
        places = linker.named(chunk[ids])
        for column in columns:
            for place, cell in zip(places, chunk[column], strict=True):
                if place >= 0 and (name := _last_part(cell)) in names:
                    rows_of[column][name].update(linker.rows_named(int(place)).tolist())
        if (read := read + len(chunk)) >= _MOST_NAMED:
            break
    for named in rows_of.values():
        if len(named) >= _LEAST_UNITS and sum(map(len, named.values())) <= _MOST_OF_A_NAME * len(named):
            yield from ((name, np.array(sorted(rows), dtype=np.int64)) for name, rows in named.items())


def _last_part(cell: object) -> str:
    return stem(str(cell).rpartition("/")[2])


class Finder:
    """Finds the test rows of files."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.truth = case.truth
        self.shared = case.labels.shared

    def rows_of(self, file: SeenFile) -> np.ndarray:
        """Positions of the test rows of a file; of none if its name is also that of a training unit and its path says `train`.

        Where ids are numbers, a file is also known by the only number in its name: `Sample00220.zip` by 0220.
        """
        rows = self._joined(file)
        rows = rows if len(rows) else self.truth.rows_of(file.path)
        is_train = "train" in file.path.lower()
        if not len(rows):
            return rows if is_train else self._through_tables(file)
        if len(rows) > 1 and not is_train:
            beside = self._beside.get(file.name, self._beside.get(stem(file.name)))
            # a table distinguishes files in a folder with several test rows, such as the images of two breasts
            return rows if beside is None or len(beside) >= len(rows) else beside
        if is_train and any(name in self.shared for part in file.parts for name in (part, stem(part))):
            return rows[:0]
        return rows

    def _joined(self, file: SeenFile) -> np.ndarray:
        """Rows whose id is made of the names of two folders, one within the other: `2021-09-04/Pixel5` of `2021-09-04-Pixel5`."""
        for outer, within in zip(file.parts[:-1], file.parts[1:], strict=True):
            for sign in _JOINING:
                name = f"{outer}{sign}{within}"
                if (rows := self.truth.keys.get(name, self.truth.units.get(name))) is not None:
                    return rows
        return np.empty(0, dtype=np.int64)

    def _through_tables(self, file: SeenFile) -> np.ndarray:
        """Rows that a table of test rows lists with the file; else those of its number."""
        for part in reversed(file.parts):
            rows = self._beside.get(part, self._beside.get(stem(part)))
            if rows is not None:
                return rows
        return self._by_number(file)

    @functools.cached_property
    def _beside(self) -> Mapping[str, np.ndarray]:
        """By the name of a file or folder the test rows next to which tables have it."""
        return named_beside(self.case)

    def _by_number(self, file: SeenFile) -> np.ndarray:
        for part in reversed(file.parts):
            numbers = re.findall(r"\d+", stem(part))
            if len(numbers) == 1 and len(numbers[0]) <= _LONGEST_NUMBER and int(numbers[0]) in self._numbered:
                return self._numbered[int(numbers[0])]
        return np.empty(0, dtype=np.int64)

    @functools.cached_property
    def _numbered(self) -> Mapping[int, np.ndarray]:
        """Test rows by their id, where all ids are numbers of some length."""
        ids = [name for name in self.truth.keys if len(name) <= _LONGEST_NUMBER]
        if len(ids) < len(self.truth.keys) or not all(name.isascii() and name.isdigit() for name in ids):
            return {}
        return {int(name): self.truth.keys[name] for name in ids} if min(map(len, ids)) >= _SHORTEST_NUMBER else {}

    def group(self, files: Sequence[SeenFile]) -> FileGroup | None:
        """Files of one unit each as a group; None if they are of next to no test rows."""
        units = np.full(self.truth.rows, -1, dtype=np.int64)
        for place, file in enumerate(files):
            units[self.rows_of(file)] = place
        used = np.unique(units[units >= 0])
        if len(used) < _LEAST_UNITS or (units >= 0).sum() < _LEAST_SHARE * self.truth.rows:
            return None
        places = np.full(len(files) + 1, -1, dtype=np.int64)
        places[used] = np.arange(len(used))
        return FileGroup([files[place] for place in used], places[units])
