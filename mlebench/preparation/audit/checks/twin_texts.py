"""Texts that are in train and in test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.clue import Clue
from mlebench.preparation.audit.likeness.row_hashes import matches, normal
from mlebench.preparation.audit.likeness.sides import (
    FileSides,
    TablePair,
    TestUnits,
    file_sides,
    labels_of_rows,
    table_pairs,
    table_sides,
    words,
)
from mlebench.preparation.audit.likeness.text_prints import NearTexts
from mlebench.preparation.audit.likeness.votes import guesses_of, labels_of_paths, told_rows
from mlebench.preparation.audit.seen.listing import SeenFile

if TYPE_CHECKING:
    import pandas as pd

NAME = "twin-texts"

FEWEST_LETTERS = 40
"""Shorter texts are equal by chance."""
_LONG = 80
"""Letters from which near copies count."""
_SHARE = 0.6
"""Of the stretches of the shorter text."""
_SEQUENCES = frozenset({"sequence", "seq", "smiles", "inchi", "dna", "rna", "protein", "peptide", "genome"})
_COMMON = 0.02
"""A text in this share of the training rows is a template, not a copy."""
_MOST_LETTERS = 20_000_000
"""Letters compared at once."""
_SAMPLED = 20_000
"""Training texts from which common phrases are determined."""
_MOST_NEAR = 400_000
"""Training texts that near copies are looked for among; equal ones are found among all."""
_ENDINGS = ("txt", "json", "md", "html", "xml", "ipynb", "py", "tsv_", "srt")


def twin_texts(case: Case) -> Iterator[Clue]:
    """Texts of at least `FEWEST_LETTERS` letters that are equal, nearly so, or one within the other."""
    units = TestUnits(case.truth)
    for pair in table_pairs(table_sides(case, units), case.truth):
        head = pair.test.table.read(500)
        for column in pair.columns:
            if is_prose(head[column]) or is_sequence(column, head[column]):
                yield from _of_column(case, pair, column, units)
    yield from _of_files(case)


def is_prose(cells: pd.Series) -> bool:
    """Whether a column holds texts of several words, rather than ids, addresses or lists of numbers."""
    normals = cells.map(normal)
    letters = normals.str.replace(r"\d+", "", regex=True).str.len()
    # some scripts have no spaces
    several = cells.str.count(" ") >= 3
    foreign = letters > 3 * cells.str.count("[A-Za-z]")
    return bool(
        normals.str.len().median() >= FEWEST_LETTERS and ((several | foreign) & (2 * letters > normals.str.len())).mean() > 0.5
    )


def is_sequence(name: str, cells: pd.Series) -> bool:
    """Whether a column holds sequences of bases, amino acids or atoms."""
    letters = cells.map(normal)
    return bool(
        words(name) & _SEQUENCES and letters.str.len().median() >= FEWEST_LETTERS and (cells.str.count(" ") == 0).mean() > 0.9
    )


@dataclass
class ComparedTexts:
    """Test texts and what was found to be like them."""

    texts: list[str]
    others: list[str]
    """Some of the training texts."""
    near: NearTexts = field(init=False)
    hashes: np.ndarray = field(init=False)
    order: np.ndarray = field(init=False)
    pairs: dict[str, list[np.ndarray]] = field(default_factory=lambda: {"equal": [], "like": []})

    def __post_init__(self) -> None:
        self.near = NearTexts(self.texts, self.others)
        hashes = hash_texts(self.texts)
        long = np.flatnonzero(self.near.says_enough & np.array([len(text) >= FEWEST_LETTERS for text in self.texts], dtype=bool))
        self.order = long[np.argsort(hashes[long], kind="stable")]
        self.hashes = hashes[self.order]

    def equal(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of equal texts."""
        left, right = matches(self.hashes, hash_texts(texts))
        return self.order[left], right

    def like(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of texts that are alike and not equal."""
        found = [self.near.near([text if len(text) >= _LONG else "" for text in part], _SHARE) for part in _pieces(texts)]
        starts = np.cumsum([0, *(len(part) for part in _pieces(texts))])
        left = np.concatenate([pair[0] for pair in found] or [np.zeros(0, np.int64)])
        right = np.concatenate([pair[1] + start for pair, start in zip(found, starts, strict=False)] or [np.zeros(0, np.int64)])
        other = np.array([self.texts[one] != texts[two] for one, two in zip(left, right, strict=True)], dtype=bool)
        return left[other], right[other]


def hash_texts(texts: list[str]) -> np.ndarray:
    """Shape (texts,), uint64."""
    import pandas as pd

    hashed: np.ndarray = pd.util.hash_array(np.array(texts, dtype=object), categorize=False)
    return hashed


def _pieces(texts: list[str]) -> list[list[str]]:
    """The texts in pieces of a bounded number of letters."""
    pieces: list[list[str]] = []
    room = 0
    for text in texts:
        if room < len(text[:4000]) or not pieces:
            pieces.append([])
            room = _MOST_LETTERS
        pieces[-1].append(text)
        room -= len(text[:4000])
    return pieces


def _of_column(case: Case, pair: TablePair, column: str, units: TestUnits) -> Iterator[Clue]:
    owners, texts = _test_texts(case, pair, column, units)
    if not texts:
        return
    compared = ComparedTexts(texts, [normal(text) for text in pair.train.table.read(_SAMPLED)[column]])
    labels: dict[str, dict[str, list[np.ndarray]]] = {
        kind: {target.name: [] for target in case.truth.targets} for kind in ("equal", "like")
    }
    seen = 0
    offset = 0
    for chunk in pair.train.table.chunks():
        own = pair.train.units(chunk, offset, units, case.truth) < 0
        offset += len(chunk)
        part = chunk[own]
        normals = [normal(text) for text in part[column]]
        found = {"equal": compared.equal(normals)}
        if seen < _MOST_NEAR:
            found["like"] = compared.like(normals)
        seen += len(part)
        for kind, (left, right) in found.items():
            compared.pairs[kind].append(left)
            for target in case.truth.targets:
                labels[kind][target.name].append(labels_of_rows(case, target, part.iloc[right]))
    for kind, parts in compared.pairs.items():
        mine = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        joined = {name: np.concatenate(lists) if lists else np.zeros(0, object) for name, lists in labels[kind].items()}
        yield from _clue(case, kind, pair.test.table.path, f"in `{column}` ", _uncommon(mine, joined, seen), owners, units)


def _test_texts(case: Case, pair: TablePair, column: str, units: TestUnits) -> tuple[np.ndarray, list[str]]:
    owners: list[np.ndarray] = []
    texts: list[str] = []
    offset = 0
    for chunk in pair.test.table.chunks():
        place = pair.test.units(chunk, offset, units, case.truth)
        offset += len(chunk)
        owners.append(place[place >= 0])
        texts += [normal(text) for text in chunk.loc[place >= 0, column]]
    return np.concatenate(owners) if owners else np.zeros(0, np.int64), texts


def _uncommon(mine: np.ndarray, labels: dict[str, np.ndarray], train: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Pairs without those of test texts that a large share of the training rows has."""
    count = np.bincount(mine) if len(mine) else np.zeros(1, np.int64)
    kept = count[mine] <= max(10, _COMMON * train)
    return mine[kept], {name: values[kept] for name, values in labels.items()}


def _clue(
    case: Case,
    kind: str,
    file: str,
    where: str,
    found: tuple[np.ndarray, dict[str, np.ndarray]],
    owners: np.ndarray,
    units: TestUnits,
) -> Iterator[Clue]:
    mine, labels = found
    if not len(mine):
        return
    things, twins = np.unique(owners[mine], return_inverse=True)
    rows = [units.rows(int(unit)) for unit in things]
    count = told_rows(rows, twins)
    yield Clue(NAME, file, where + _sentence(kind, count, case.truth.rows), guesses_of(case.truth, rows, twins, labels), count)


def _sentence(kind: str, count: int, rows: int) -> str:
    how = "equal" if kind == "equal" else "nearly equal, contain or are contained in"
    return f"the texts of {count:,} of {rows:,} test rows {how} texts of training rows"


def _of_files(case: Case) -> Iterator[Clue]:
    sides = file_sides(case, _ENDINGS)
    if not sides.test or not sides.train:
        return
    texts = {file.path: text for file, text in _read(case, sides)}
    test = [texts.get(file.path, "") for file in sides.test]
    train = [texts.get(file.path, "") for file in sides.train]
    compared = ComparedTexts(test, train[:_SAMPLED])
    paths = np.array([file.path for file in sides.train], dtype=object)
    for kind, (left, right) in (("equal", compared.equal(train)), ("like", compared.like(train))):
        labels = labels_of_paths(case, paths[right])
        mine, kept = _uncommon(left, labels, len(train))
        if len(mine):
            count = told_rows(sides.rows, mine)
            told = guesses_of(case.truth, sides.rows, mine, kept)
            where = f"{sides.test[int(mine[0])].path.rpartition('/')[0]}/*"
            yield Clue(NAME, where, _sentence(kind, count, case.truth.rows), told, count)


def _read(case: Case, sides: FileSides) -> Iterator[tuple[SeenFile, str]]:
    for file, content in case.seen.contents([*sides.test, *sides.train], 2**16):
        text = normal(content.decode("utf-8", "replace"))
        # numbers are compared as files, not as texts
        yield file, text if 2 * sum(map(str.isalpha, text)) > len(text) else ""
