"""Annotations next to test units whose outlines are the masks that are asked for."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grading.printable import printable
from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.files import Finder
from mlebench.preparation.audit.clue import Clue, Guess
from mlebench.preparation.audit.seen.listing import SeenFile
from mlebench.preparation.audit.truth import Target

_ENDINGS = frozenset({".json", ".geojson"})
_MOST_BYTES = 2**26
_MOST_UNITS = 200
_MOST_POINTS = 2**20
"""Of a unit, at which outlines and masks are compared."""
_MOST_RUNS = 2_000_000
_DEEPEST = 12
_AGREEING, _OF_OTHERS = 0.8, 0.6
"""Median Dice score from which outlines are the masks, and the share of it that other units' masks may reach."""
_LEAST_UNITS = 2
"""Masks and outlines of some shape agree so closely by no chance, so that a competition of three images is asked as well."""
_RUNS = re.compile(r"\s*\d+\s+\d+(\s+\d+\s+\d+)*\s*")


@dataclass(frozen=True)
class _Grid:
    """A grid of points, every few pixels, at which masks are sampled."""

    width: int
    height: int
    down: bool
    """Whether runs go down columns, rather than along rows."""

    @property
    def step(self) -> int:
        """Pixels from point to point."""
        return max(1, math.ceil(math.sqrt(self.width * self.height / _MOST_POINTS)))

    def of_runs(self, text: str) -> np.ndarray:
        """Which points run lengths cover, shape (columns, rows) or (rows, columns), bool."""
        numbers = np.array(text.split()[: 2 * _MOST_RUNS], dtype=np.int64)
        starts, lengths = numbers[::2] - 1, numbers[1::2]
        line = self.height if self.down else self.width
        lines = self.width if self.down else self.height
        points = np.arange(0, lines, self.step)[:, None] * line + np.arange(0, line, self.step)[None, :]
        order = np.argsort(starts, kind="stable")
        place = np.searchsorted(starts[order], points, side="right") - 1
        return np.asarray((place >= 0) & (points < (starts + lengths)[order][place]))

    def of_outlines(self, rings: Sequence[np.ndarray]) -> np.ndarray:
        """Which points are within outlines, each shape (corners, 2) of x and y in pixels; of the shape of `of_runs`."""
        from PIL import Image, ImageDraw

        step = self.step
        image = Image.new("1", (-(-self.width // step), -(-self.height // step)))
        for ring in rings:
            ImageDraw.Draw(image).polygon([(float(x), float(y)) for x, y in ring / step], fill=1)
        inside = np.asarray(image, dtype=bool)
        return inside.T if self.down else inside

    def to_runs(self, inside: np.ndarray) -> str:
        """Run lengths of points that are covered, each for all the pixels up to the next."""
        line = self.height if self.down else self.width
        lines = self.width if self.down else self.height
        runs: list[str] = []
        for place, row in enumerate(inside):
            edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
            for at in range(place * self.step, min(lines, (place + 1) * self.step)):
                for start, end in zip(edges[::2] * self.step, np.minimum(line, edges[1::2] * self.step), strict=True):
                    runs.append(f"{at * line + start + 1} {end - start}")
        return " ".join(runs[:_MOST_RUNS])


def outlined(case: Case, check: str) -> Iterator[Clue]:
    """Files of outlines, one per unit, that agree with the unit's mask far better than with others' masks."""
    targets = [target for target in case.truth.targets if target.kind == "text" and _are_runs(target)]
    sizes = _sizes(case)
    if not targets or sizes is None:
        return
    for pattern, files in _files_by_pattern(case).items():
        try:
            rings = _rings_of(case, [*files.values()])
            units = np.full(case.truth.rows, -1, dtype=np.int64)
            units[[*files]] = np.arange(len(files))
            for target in targets:
                clue = _clue(check, pattern, units, rings, target, sizes)
                if clue is not None:
                    yield clue
        except ModuleNotFoundError as error:
            case.seen.tell(pattern, f"the package {error.name}, which draws outlines, is not installed")


def _files_by_pattern(case: Case) -> Mapping[str, Mapping[int, SeenFile]]:
    """Files that could hold outlines, by their path without the id, and by the only test row that they are of."""
    finder, ids = Finder(case), case.truth.ids.iloc[:, 0].to_numpy(dtype=object)
    found: defaultdict[str, dict[int, SeenFile]] = defaultdict(dict)
    for file in case.seen.files:
        rows = finder.rows_of(file) if file.suffix in _ENDINGS else np.empty(0, dtype=np.int64)
        if len(rows) == 1:
            held = found[file.path.replace(str(ids[rows[0]]), "*")]
            if len(held) < _MOST_UNITS:
                held[int(rows[0])] = file
    return {pattern: files for pattern, files in found.items() if len(files) >= _LEAST_UNITS}


def _clue(
    check: str, pattern: str, units: np.ndarray, rings: Sequence[Sequence[np.ndarray]], target: Target, sizes: np.ndarray
) -> Clue | None:
    masked = [row for row in np.flatnonzero((units >= 0) & (units < len(rings))) if _RUNS.fullmatch(str(target.values[row]))]
    rows = [int(row) for row in masked if rings[units[row]]][:_MOST_UNITS]
    if len(rows) < _LEAST_UNITS:
        return None
    for down in (True, False):
        values = np.full(len(units), None, dtype=object)
        own, of_others = [], []
        for row, other in zip(rows, [*rows[1:], rows[0]], strict=True):
            grid = _Grid(int(sizes[row, 0]), int(sizes[row, 1]), down)
            true = grid.of_runs(str(target.values[row]))
            inside = grid.of_outlines(rings[units[row]])
            own.append(_dice(true, inside))
            of_others.append(_dice(true, grid.of_outlines(rings[units[other]])))
            values[row] = grid.to_runs(inside)
        if np.median(own) >= _AGREEING and np.median(of_others) < _OF_OTHERS * np.median(own):
            what = f"the outlines in {len(rows):,} files are the masks of {printable(target.name, 40)}"
            return Clue(
                check, pattern, f"{what}, with a median Dice score of {np.median(own):.2f}", (Guess(target.name, values),)
            )
    return None


def _dice(one: np.ndarray, other: np.ndarray) -> float:
    together = int(one.sum() + other.sum())
    return 2 * int((one & other).sum()) / together if together else 0.0


def _are_runs(target: Target) -> bool:
    some = [str(value) for value in target.values[:200]]
    return sum(bool(_RUNS.fullmatch(text)) for text in some) >= max(_LEAST_UNITS, 0.3 * len(some))


def _sizes(case: Case) -> np.ndarray | None:
    """Width and height of each row's image in pixels, shape (rows, 2), as the answers have them; None if they do not."""
    import pandas as pd

    table = case.truth.table
    found = [[name for name in table.columns if word in str(name).lower()] for word in ("width", "height")]
    if len(table) != case.truth.rows or not all(found):
        return None
    numbers = table[[names[0] for names in found]].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    return None if np.isnan(numbers).any() or (numbers < 1).any() or (numbers > 10**6).any() else numbers


def _rings_of(case: Case, files: Sequence[SeenFile]) -> list[list[np.ndarray]]:
    """The outlines in each file."""
    found: dict[str, list[np.ndarray]] = {}
    for file, content in case.seen.contents(files, _MOST_BYTES):
        try:
            found[file.path] = [*_rings(json.loads(content), 0)]
        except (ValueError, RecursionError):
            continue
    return [found.get(file.path, []) for file in files]


def _rings(value: object, depth: int) -> Iterator[np.ndarray]:
    """Lists of at least three points, wherever they are in a JSON value."""
    if isinstance(value, list) and len(value) >= 3 and all(_is_point(one) for one in value):
        yield np.array([one[:2] for one in value], dtype=np.float64)
    elif depth < _DEEPEST and isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _rings(one, depth + 1)


def _is_point(value: object) -> bool:
    return isinstance(value, list) and len(value) in (2, 3) and all(type(one) in (int, float) for one in value)
