"""Sounds that are in train and in test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlebench.data.workers import Workers
from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.clue import Clue
from mlebench.preparation.audit.likeness import sounds
from mlebench.preparation.audit.likeness.neighbours import near_prints
from mlebench.preparation.audit.likeness.same_bytes import same_bytes, uncommon
from mlebench.preparation.audit.likeness.sides import FileSides, file_sides
from mlebench.preparation.audit.likeness.votes import guesses_of, labels_of_paths, told_rows
from mlebench.preparation.audit.seen.listing import SeenFile

NAME = "twin-sounds"

ALIKE = 0.7
"""Likeness from which two sounds are one."""
_LEAST = 0.6
"""The same of prints, from which likeness is looked at."""
_MOST_BYTES = 2**26
_HEAD = 4096
_BATCH, _BATCH_BYTES = 32, 2**24
_MOST_CANDIDATES = 5_000
_CONTROLS = 200


def twin_sounds(case: Case) -> Iterator[Clue]:
    """Sounds with the same bytes or samples, and those that differ in loudness, rate of samples, header or by a cut."""
    sides = file_sides(case, sounds.ENDINGS)
    if not sides.test or not sides.train:
        return
    mine, theirs = same_bytes(case, sides)
    if len(mine):
        yield _clue(case, sides, mine, theirs, "are byte-identical to training sounds")
    if case.quick:
        return
    told = np.zeros(len(sides.test), dtype=bool)
    told[mine] = True
    mine, theirs = _same_flac(case, sides)
    mine, theirs = mine[~told[mine]], theirs[~told[mine]]
    if len(mine):
        yield _clue(case, sides, mine, theirs, "have the same samples as training sounds")
    told[mine] = True
    mine, theirs = _near(case, sides, told)
    if len(mine):
        yield _clue(case, sides, mine, theirs, "are training sounds with a different loudness, rate, header or cut")


def _same_flac(case: Case, sides: FileSides) -> tuple[np.ndarray, np.ndarray]:
    files = [file for file in (*sides.test, *sides.train) if file.name.lower().endswith(".flac")]
    sums = {file.path: sounds.flac_samples_md5(head) for file, head in case.seen.contents(files, 64)}
    train: dict[bytes, int] = {}
    for place, file in enumerate(sides.train):
        if (known := sums.get(file.path)) is not None:
            train.setdefault(known, place)
    pairs = [
        (place, train[own]) for place, file in enumerate(sides.test) if (own := sums.get(file.path)) is not None and own in train
    ]
    both = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _near(case: Case, sides: FileSides, told: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    test = [file for file, known in zip(sides.test, told, strict=True) if not known and _is_read(file)]
    train = [file for file in sides.train if _is_read(file)]
    highest = _highest(case, [*test, *train])
    if not test or not train or highest is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    workers = Workers(max(1, case.jobs))
    try:
        prints = _prints(case, workers, [*test, *train], highest)
    finally:
        workers.close()
    left, right = _twins(case, _Prints(test, prints), _Prints(train, prints), highest)
    own, others = ({file.path: place for place, file in enumerate(files)} for files in (sides.test, sides.train))
    pairs = np.array([(own[one], others[other]) for one, other in zip(left, right, strict=True)], np.int64).reshape(-1, 2)
    return uncommon(pairs[:, 0], pairs[:, 1], len(sides.train))


def _is_read(file: SeenFile) -> bool:
    return file.name.rpartition(".")[2].lower() in sounds.READ


def _highest(case: Case, files: Sequence[SeenFile]) -> float | None:
    """A frequency that all sounds hold: nine tenths of half the lowest rate."""
    rates = [sound.rate for _, head in case.seen.contents(files, _HEAD) if (sound := sounds.read_sound(head)) is not None]
    return min(4000.0, 0.45 * min(rates)) if rates else None


def _prints(case: Case, workers: Workers, files: Sequence[SeenFile], highest: float) -> dict[str, npt.NDArray[np.float16]]:
    """By path, the prints of sounds that have one."""
    batches: list[list[str]] = []

    def tasks() -> Iterator[tuple[list[bytes], float]]:
        paths: list[str] = []
        contents: list[bytes] = []
        for file, content in case.seen.contents(files, _MOST_BYTES):
            paths.append(file.path)
            contents.append(content)
            if len(paths) >= _BATCH or sum(map(len, contents)) > _BATCH_BYTES:
                batches.append(paths)
                yield contents, highest
                paths, contents = [], []
        if paths:
            batches.append(paths)
            yield contents, highest

    found: dict[str, npt.NDArray[np.float16]] = {}
    for prints, good in workers.map(sounds.prints_of, tasks()):
        found |= {path: prints[place] for place, path in enumerate(batches.pop(0)) if good[place]}
    return found


@dataclass
class _Prints:
    """Sounds of one side that have a print."""

    files: Sequence[SeenFile]
    prints: dict[str, npt.NDArray[np.float16]]

    @property
    def paths(self) -> list[str]:
        return [file.path for file in self.files if file.path in self.prints]

    @property
    def array(self) -> npt.NDArray[np.float16]:
        return np.array([self.prints[path] for path in self.paths], dtype=np.float16).reshape(-1, sounds.PRINT_SIZE)


def _twins(case: Case, test: _Prints, train: _Prints, highest: float) -> tuple[list[str], list[str]]:
    """The paths of sounds that are alike, and of those that they are like."""
    left, right, _ = near_prints(test.array, train.array, 1, lambda prints, _: prints, _LEAST)
    pairs = [(test.paths[one], train.paths[other]) for one, other in zip(left[:_MOST_CANDIDATES], right, strict=False)]
    chance = np.random.default_rng(0)
    controls = [(str(chance.choice(test.paths)), str(chance.choice(train.paths))) for _ in range(_CONTROLS if pairs else 0)]
    controls = [pair for pair in controls if pair not in set(pairs)]
    wanted = {path for pair in (*pairs, *controls) for path in pair}
    files = [file for file in (*test.files, *train.files) if file.path in wanted]
    bands = {
        file.path: energies
        for file, content in case.seen.contents(files, _MOST_BYTES)
        if (energies := sounds.bands_of(content, highest)) is not None
    }
    usual = [sounds.likeness(bands[one], bands[other]) for one, other in controls]
    least = max(ALIKE, 1 - 0.4 * (1 - float(np.quantile(usual, 0.99)))) if usual else ALIKE
    kept = [pair for pair in pairs if sounds.likeness(bands[pair[0]], bands[pair[1]]) >= least]
    return [one for one, _ in kept], [other for _, other in kept]


def _clue(case: Case, sides: FileSides, mine: np.ndarray, theirs: np.ndarray, how: str) -> Clue:
    labels = labels_of_paths(case, [sides.train[place].path for place in theirs])
    count = told_rows(sides.rows, mine)
    what = f"the sounds of {count:,} of {case.truth.rows:,} test rows {how}"
    where = f"{sides.test[int(mine[0])].path.rpartition('/')[0]}/*"
    return Clue(NAME, where, what, guesses_of(case.truth, sides.rows, mine, labels), count)
