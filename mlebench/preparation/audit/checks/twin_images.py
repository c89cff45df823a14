"""Pictures that are in train and in test."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mlebench.data.workers import Workers
from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.clue import Clue
from mlebench.preparation.audit.likeness import containers
from mlebench.preparation.audit.likeness.neighbours import near_prints
from mlebench.preparation.audit.likeness.pictures import (
    ENDINGS,
    ORIENTATIONS,
    PRINT_SIZE,
    is_blank,
    least_likeness,
    likeness,
    prints_of,
    thumbs_of,
    turned,
    turned_prints,
    views,
)
from mlebench.preparation.audit.likeness.same_bytes import same_bytes, uncommon
from mlebench.preparation.audit.likeness.sides import FileSides, TestUnits, file_sides, side_of
from mlebench.preparation.audit.likeness.votes import guesses_of, labels_of_paths, told_rows
from mlebench.preparation.audit.seen.listing import SeenFile

NAME = "twin-images"

_MOST_TEST, _MOST_TRAIN = 200_000, 500_000
"""Maximum pictures compared; from more, this many at even distances."""
_MOST_BYTES = 2**28
_BATCH, _BATCH_BYTES = 64, 2**24
_MOST_CANDIDATES = 4_000
_CONTROLS = 200

Thumb = npt.NDArray[np.uint8]


def twin_images(case: Case) -> Iterator[Clue]:
    """Pictures with the same bytes, and those that differ in format, size, brightness, orientation or by a narrow crop."""
    sides = file_sides(case, ENDINGS)
    test, train = same_bytes(case, sides)
    test, train = _with_content(case, sides, test, train)
    if len(test):
        paths = np.array([file.path for file in sides.train], dtype=object)[train]
        rows = sides.rows
        yield _clue(case, _folder(sides.test[int(test[0])]), rows, test, paths, "are byte-identical to training pictures")
    if not case.quick:
        yield from _near(case, {sides.test[int(place)].path for place in test})


def _with_content(case: Case, sides: FileSides, test: np.ndarray, train: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of equal files without those that show nothing."""
    files = [sides.test[place] for place in np.unique(test)]
    blank = {file.path for file, content in case.seen.contents(files, _MOST_BYTES) if is_blank(content)}
    kept = np.array([sides.test[place].path not in blank for place in test], dtype=bool)
    return test[kept], train[kept]


@dataclass
class _Side:
    """Pictures of one side, with their prints."""

    places: list[tuple[str, int]] = field(default_factory=list)
    """The path of the file that each is in, and its place there."""
    rows: list[np.ndarray] = field(default_factory=list)
    """Of test pictures their test rows."""
    names: list[str] = field(default_factory=list)
    """Of training pictures what names them."""
    parts: list[npt.NDArray[np.float16]] = field(default_factory=list)
    good: list[npt.NDArray[np.bool_]] = field(default_factory=list)

    def prints(self) -> npt.NDArray[np.float16]:
        """Shape (pictures, PRINT_SIZE)."""
        return np.concatenate(self.parts) if self.parts else np.zeros((0, PRINT_SIZE), np.float16)

    def usable(self) -> np.ndarray:
        """Positions of pictures that have a print."""
        return np.flatnonzero(np.concatenate(self.good)) if self.good else np.zeros(0, np.int64)


@dataclass(frozen=True)
class _Shown:
    """One picture before its print is made."""

    file: SeenFile
    place: int
    content: bytes | str
    rows: np.ndarray | None
    """None of a training picture."""
    name: str


def _near(case: Case, told: set[str]) -> Iterator[Clue]:
    workers = Workers(max(1, case.jobs))
    try:
        test, train = _both_sides(case, workers, told)
        mine, theirs = test.usable(), train.usable()
        left, right, variant = near_prints(test.prints()[mine], train.prints()[theirs], ORIENTATIONS, turned_prints)
        twins = _compare(case, test, train, mine[left], theirs[right], variant)
    finally:
        workers.close()
    if len(twins):
        names = np.array(train.names, dtype=object)[twins[:, 1]]
        where = test.places[int(twins[0, 0])][0]
        how = "are training pictures in another format, size, brightness, orientation or crop"
        yield _clue(case, where.rpartition("/")[0] + "/*", test.rows, twins[:, 0], names, how)


def _both_sides(case: Case, workers: Workers, told: set[str]) -> tuple[_Side, _Side]:
    test, train = _Side(), _Side()
    batches: list[list[_Shown]] = []

    def tasks() -> Iterator[tuple[list[bytes | str]]]:
        for batch in _batches(_shown(case, told)):
            batches.append(batch)
            yield ([shown.content for shown in batch],)

    for prints, good in workers.map(prints_of, tasks()):
        batch = batches.pop(0)
        for side, is_test in ((test, True), (train, False)):
            own = [place for place, shown in enumerate(batch) if (shown.rows is not None) == is_test]
            side.parts.append(prints[own])
            side.good.append(good[own])
            side.places += [(batch[place].file.path, batch[place].place) for place in own]
            side.names += [batch[place].name for place in own]
            side.rows += [rows for place in own if (rows := batch[place].rows) is not None]
    return test, train


def _batches(shown: Iterable[_Shown]) -> Iterator[list[_Shown]]:
    batch: list[_Shown] = []
    size = 0
    for one in shown:
        batch.append(one)
        size += len(one.content)
        if len(batch) >= _BATCH or size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _shown(case: Case, told: set[str]) -> Iterator[_Shown]:
    sides = file_sides(case, ENDINGS)
    test = _evenly([pair for pair in zip(sides.test, sides.rows, strict=True) if pair[0].path not in told], _MOST_TEST)
    rows: dict[str, np.ndarray | None] = {file.path: own for file, own in test}
    rows |= dict.fromkeys([file.path for file in _evenly(sides.train, _MOST_TRAIN)], None)
    files = [file for file in [*sides.test, *sides.train] if file.path in rows and file.size <= _MOST_BYTES]
    if test and sides.train:
        for file, content in _contents(case, files):
            yield _Shown(file, 0, content, rows[file.path], file.path)
    yield from _within(case)


def _evenly(things: list, most: int) -> list:  # type: ignore[type-arg]
    """So many of a list, at even distances."""
    return things if len(things) <= most else [things[int(place)] for place in np.linspace(0, len(things) - 1, most)]


def _contents(case: Case, files: Sequence[SeenFile]) -> Iterator[tuple[SeenFile, bytes | str]]:
    """Paths of plain files, which processes read for themselves, and the content of members."""
    for file in files:
        if file.archive is None:
            yield file, str(case.seen.public / file.path)
    yield from case.seen.contents([file for file in files if file.archive is not None], _MOST_BYTES)


def _within(case: Case) -> Iterator[_Shown]:
    """Pictures within files that hold many."""
    units = TestUnits(case.truth)
    for file in case.seen.files:
        if file.name.rpartition(".")[2].lower() not in containers.ENDINGS:
            continue
        said = side_of(file.path)
        for place, picture in enumerate(_pictures(case, file)):
            rows, name = (None, "") if said == "train" else _unit(picture.names, units)
            if rows is not None:
                yield _Shown(file, place, picture.content, rows, name)
            elif said == "train" or (said is None and any(case.labels.is_train(own) for own in picture.names)):
                yield _Shown(file, place, picture.content, None, _known(case, picture.names))


def _pictures(case: Case, file: SeenFile) -> Iterator[containers.Picture]:
    try:
        with case.seen.open(file) as stream:
            yield from containers.pictures_in(file.name, stream)
    except OSError:
        return


def _unit(names: Sequence[str], units: TestUnits) -> tuple[np.ndarray | None, str]:
    import pandas as pd

    found = units.numbers(pd.Series(names, dtype=object)) if names else np.zeros(0, np.int64)
    for name, number in zip(names, found, strict=True):
        if number >= 0:
            return units.rows(int(number)), name
    return None, ""


def _known(case: Case, names: Sequence[str]) -> str:
    """The name that identifies a training picture's answer."""
    for target in case.truth.targets[:1]:
        for name in names:
            if case.labels.value(target.name, name) is not None:
                return name
    return names[0] if names else ""


def _compare(
    case: Case, test: _Side, train: _Side, mine: np.ndarray, theirs: np.ndarray, variant: np.ndarray
) -> npt.NDArray[np.int64]:
    """Candidates that are twins indeed, shape (pairs, 2): positions on each side."""
    if not len(mine):
        return np.zeros((0, 2), np.int64)
    if len(mine) > _MOST_CANDIDATES:
        picked = np.linspace(0, len(mine) - 1, _MOST_CANDIDATES).astype(int)
        mine, theirs, variant = mine[picked], theirs[picked], variant[picked]
    controls = np.random.default_rng(0)
    others = controls.choice(train.usable(), min(_CONTROLS, len(train.usable())), replace=False)
    wanted = {test.places[place] for place in mine} | {train.places[place] for place in (*theirs, *others)}
    thumbs = _thumbs(case, wanted)

    @functools.lru_cache(maxsize=2_000)
    def seen(place: tuple[str, int], turn: int) -> npt.NDArray[np.float32]:
        return views(turned(thumbs[place].astype(np.float32), turn))

    def alike(one: int, other: int, turn: int) -> float:
        if test.places[one] not in thumbs or train.places[other] not in thumbs:
            return -1.0
        return likeness(seen(test.places[one], turn), seen(train.places[other], 0))

    found = np.array([alike(*triple) for triple in zip(mine.tolist(), theirs.tolist(), variant.tolist(), strict=True)])
    chance = [alike(int(controls.choice(mine)), int(other), 0) for other in others if int(other) not in set(theirs.tolist())]
    least = least_likeness(found, np.array(chance or [0.0]))
    kept = found >= least
    return np.stack(uncommon(mine[kept], theirs[kept], len(train.names)), axis=1)


def _thumbs(case: Case, wanted: set[tuple[str, int]]) -> dict[tuple[str, int], Thumb]:
    """Small pictures to compare."""
    paths = {path for path, _ in wanted}
    files = [file for file in case.seen.files if file.path in paths]
    found: dict[tuple[str, int], Thumb] = {}
    plain = [file for file in files if file.name.rpartition(".")[2].lower() not in containers.ENDINGS]
    for file, content in _contents(case, plain):
        if (thumb := thumbs_of([content])[0]) is not None:
            found[file.path, 0] = thumb
    for file in files:
        if file.name.rpartition(".")[2].lower() in containers.ENDINGS:
            for place, picture in enumerate(_pictures(case, file)):
                if (file.path, place) in wanted and (thumb := thumbs_of([picture.content])[0]) is not None:
                    found[file.path, place] = thumb
    return found


def _folder(file: SeenFile) -> str:
    return f"{file.path.rpartition('/')[0]}/*"


def _clue(case: Case, file: str, rows: list[np.ndarray], things: np.ndarray, names: np.ndarray, how: str) -> Clue:
    labels = labels_of_paths(case, names.tolist())
    count = told_rows(rows, things)
    told = guesses_of(case.truth, rows, things, labels)
    return Clue(NAME, file, f"the pictures of {count:,} of {case.truth.rows:,} test rows {how}", told, count)
