"""Files that belong to test rows, one for each unit at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.seen.listing import SeenFile
from mlebench.preparation.audit.truth import stem

MOST_OF_A_UNIT = 3
"""Of many files of one unit, such as the slices of a study, so many are looked at."""
_LEAST_UNITS = 4
_LEAST_SHARE = 0.03


@dataclass(frozen=True)
class FileGroup:
    """Files of one kind, one for each unit of test rows."""

    files: Sequence[SeenFile]
    units: np.ndarray
    """Shape (test rows,), int64: position of the file that a row belongs to, -1 for none."""

    @property
    def pattern(self) -> str:
        """Where they lie, such as `test/*.jpg`."""
        paths = [file.path.split("/") for file in self.files]
        same = [set(parts) for parts in zip(*paths, strict=False)]
        parts = [next(iter(part)) if len(part) == 1 else "*" for part in same]
        if len({file.suffix for file in self.files}) == 1 and parts[-1] == "*":
            parts[-1] = f"*{self.files[0].suffix}"
        return "/".join(parts)


def file_groups(case: Case) -> list[FileGroup]:
    """The files of test rows: those of one ending, at one depth and of one place among the files of their unit together."""
    found: dict[tuple[str, int], defaultdict[tuple[int, int], list[SeenFile]]] = {}
    for file in case.seen.files:
        rows = rows_of(case, file)
        if len(rows):
            kind = (file.suffix, len(file.parts))
            found.setdefault(kind, defaultdict(list))[int(rows[0]), len(rows)].append(file)
    groups = []
    for units in found.values():
        for rank in range(MOST_OF_A_UNIT):
            files = [held[rank] for held in units.values() if len(held) > rank]
            group = _group(case, files)
            if group is not None:
                groups.append(group)
    return groups


def rows_of(case: Case, file: SeenFile) -> np.ndarray:
    """Positions of the test rows of a file; of none where its name is also that of a training unit and its path says `train`."""
    rows = case.truth.rows_of(file.path)
    if len(rows) and "train" in file.path.lower():
        shared = case.labels.shared
        if any(name in shared for part in file.parts for name in (part, stem(part))):
            return rows[:0]
    return rows


def _group(case: Case, files: Sequence[SeenFile]) -> FileGroup | None:
    units = np.full(case.truth.rows, -1, dtype=np.int64)
    for place, file in enumerate(files):
        units[rows_of(case, file)] = place
    used = np.unique(units[units >= 0])
    if len(used) < _LEAST_UNITS or (units >= 0).sum() < _LEAST_SHARE * case.truth.rows:
        return None
    places = np.full(len(files) + 1, -1, dtype=np.int64)
    places[used] = np.arange(len(used))
    return FileGroup([files[place] for place in used], places[units])
