"""Rows that belong together, recognised by column names and by the form of ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mlebench.preparation.audit.likeness.sides import words
from mlebench.preparation.audit.truth import Target

_PERSONS = (
    "patient subject person participant speaker donor individual volunteer author writer singer signer actor artist "
    "reader respondent passenger owner child pupil student animal specimen"
)
PERSONS = frozenset(_PERSONS.split())
"""Words of columns over which a competition generalises, whatever their answers are."""
_PARTS = (
    "game play match drive trip ride session recording video clip scene sequence study exam series slide book document page "
    "sentence paragraph context passage article question prompt anchor conversation dialogue thread essay house hotel room visit "
    "burst shot molecule compound breath experiment batch run site location camera device machine station plot field farm family "
    "household group cluster cell well plate angle seq "
    "operator collector photographer observer driver seller customer client account member employee doctor hospital clinic lot "
    "kit source flight track tile block colony litter"
)
PARTS = frozenset(_PARTS.split())
"""Words of columns whose rows are parts of one whole; they count if the whole predicts the answers of its parts."""
_ENDING = re.compile(r"\.[A-Za-z]\w{0,5}$")
_WHOLES = frozenset({"sentence", "anchor", "prompt", "passage", "game", "document", "slide", "book", "scene", "session"})
"""Those words that mean a whole so surely that few rows need not prove it."""
_FEWEST_GROUPS = 5
_LARGEST_SHARE = 0.2
"""A group with a larger share of the rows is a kind, no whole."""


_MEASURES = frozenset(
    {"count", "age", "sex", "gender", "type", "class", "rating", "score", "weight", "height", "size", "duration"}
)
"""Words that make a name that of a measure of a person."""


def is_person(column: str) -> bool:
    """Whether a name is that of a person or a thing that stands for one."""
    return bool(_singular(column) & PERSONS) and not _singular(column) & _MEASURES


def is_part(column: str) -> bool:
    """Whether a name is that of a whole that rows are parts of."""
    return bool(_singular(column) & PARTS) and not _singular(column) & _MEASURES


def is_reference(column: str) -> bool:
    """Whether a name says that a column refers to something, whatever that is."""
    return bool(words(column) & _REFERENCES)


def counts_things(column: str, cells: np.ndarray) -> bool:
    """Whether a column holds a few small whole numbers of what it names in the plural, as `rooms` of a house.

    Args:
        column: its name.
        cells: shape (n,), object: its cells as text, empty where missing.
    """
    plural = any(word.endswith("s") and word[:-1] in PERSONS | PARTS for word in words(column))
    if not plural or is_reference(column):
        return False
    different = {str(cell).removesuffix(".0") for cell in cells} - {"", "nan"}
    return len(different) <= _MOST_COUNTS and all(each.isdecimal() and int(each) <= _MOST_THINGS for each in different)


_MOST_COUNTS, _MOST_THINGS = 20, 50
"""How many different numbers of things there may be, and the largest."""


def is_whole(column: str) -> bool:
    """Whether a name is that of a whole beyond doubt."""
    return bool(_singular(column) & _WHOLES) and not _singular(column) & _MEASURES


_REFERENCES = frozenset({"id", "ids", "uid", "uuid", "guid", "ref", "key", "code", "no", "nr", "tag", "group", "hash"})


def _singular(column: str) -> frozenset[str]:
    found = words(column)
    return found | {word[:-1] for word in found if word.endswith("s")} | {word[:-2] for word in found if word.endswith("id")}


@dataclass(frozen=True)
class Grouping:
    """One way in which test and training rows fall into groups."""

    name: str
    """The column, or how the group is read from an id."""
    file: str
    test: np.ndarray
    """Shape (m,), object: the group of each test thing; the empty text for none."""
    rows: list[np.ndarray]
    """The test rows of each test thing."""
    train: np.ndarray
    """Shape (n,), object: the group of each training thing."""
    labels: Mapping[str, np.ndarray]
    """By target, shape (n,), object: its answer; None if it is unknown."""
    from_id: bool = False
    """Whether the groups are read from ids."""

    @property
    def shared(self) -> np.ndarray:
        """Shape (m,), bool: whether a test thing's group has training things as well."""
        known = {*self.train} - {""}
        return np.array([group in known for group in self.test], dtype=bool)

    def is_fine(self) -> bool:
        """Whether the groups are many, and none has a large share; kinds (sex, colour, year) are few."""
        for groups in (self.test, self.train):
            named = groups[groups != ""]
            if not len(named):
                return False
            _, count = np.unique(named.astype(str), return_counts=True)
            if len(count) < min(_FEWEST_GROUPS, len(named)) or count.max() > max(2, _LARGEST_SHARE * len(named)):
                return False
        _, count = np.unique(self.train.astype(str), return_counts=True)
        return bool((count > 1).any() or self.shared.any())

    def is_numbered_anew(self) -> bool:
        """Whether both sides count their groups from the start, so that equal numbers mean nothing."""
        sides = [_counted({*groups} - {""}) for groups in (self.test, self.train)]
        return all(sides) and sides[0] != sides[1]

    def is_small(self) -> bool:
        """Whether training groups have few things each, as the parts of one whole are."""
        _, count = np.unique(self.train[self.train != ""].astype(str), return_counts=True)
        return bool(len(count) >= _FEWEST_SMALL and count.mean() <= _LARGEST_SMALL)

    def has_several(self) -> bool:
        """Whether there are several groups, and any of several training things."""
        _, count = np.unique(self.train[self.train != ""].astype(str), return_counts=True)
        return len(count) >= _FEWEST_NAMED and bool((count > 1).any())

    def is_counted(self) -> bool:
        """Whether nearly all things have a group, and most groups several things: ids that are a whole's name and a counter."""
        named = np.concatenate([self.test, self.train])
        _, count = np.unique(named[named != ""].astype(str), return_counts=True)
        covered = (named != "").mean() >= 0.9
        # a few names of very many things are kinds
        several = len(count) >= max(_FEWEST_NAMED, np.log2(len(named)) / 2)
        return bool(covered and several and np.median(count) >= 2 and count.max() <= 0.5 * len(named))


_FEWEST_SMALL, _LARGEST_SMALL = 20, 10
"""How many groups of how many things on average what a column refers to must be, if its name says no more."""
_FEWEST_NAMED = 3
"""Groups of one name that are not of two kinds."""

_DATE = re.compile(r"(19|20)\d\d([-_./]?[01]?\d([-_./]?[0-3]?\d)?)?$")


def _counted(groups: set[str]) -> int:
    """How many numbers there are, if they are all from 0 or 1 on; 0 otherwise."""
    if not groups or not all(group.isascii() and group.isdigit() for group in groups):
        return 0
    numbers = {int(group) for group in groups}
    return len(numbers) if min(numbers) <= 1 and max(numbers) - min(numbers) + 1 == len(numbers) else 0


READINGS: Mapping[str, Callable[[str], str]] = {
    "the part before the first `_`": lambda name: name.partition("_")[0] if "_" in name else "",
    "the part before the last `_`": lambda name: name.rpartition("_")[0],
    "the part before the first `-`": lambda name: name.partition("-")[0] if "-" in name else "",
    "the part before the last `-`": lambda name: name.rpartition("-")[0],
    "the part before the first separator": lambda name: re.split(r"[_\-. ]", name)[0] if re.search(r"[_\-. ]", name) else "",
    "the part before the last digits": lambda name: re.sub(r"[\W_]*\d+$", "", name) if name[-1:].isdigit() else "",
}
"""How a group can be read from an id."""


def readings_of(test: np.ndarray, train: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Each way to read groups from ids, with the groups of both sides; those that give the same as another one are left out."""
    seen: set[bytes] = set()
    for name, read in READINGS.items():
        mine, theirs = (
            np.array([read(_ENDING.sub("", str(one).rpartition("/")[2])) for one in ids], dtype=object) for ids in (test, train)
        )
        if np.mean([bool(_DATE.match(group)) for group in mine[:1000]]) > 0.5:
            continue
        _, codes = np.unique(np.concatenate([mine, theirs]).astype(str), return_inverse=True)
        if (form := codes.tobytes()) not in seen and (mine != "").any() and (theirs != "").any():
            seen.add(form)
            yield name, mine, theirs


def group_values(groups: np.ndarray, labels: np.ndarray, target: Target) -> dict[str, object]:
    """What each training group's answers come to: the most frequent name, or the mean of numbers."""
    import pandas as pd

    known = np.array([label is not None and group != "" for group, label in zip(groups, labels, strict=True)], dtype=bool)
    if not known.any():
        return {}
    frame = pd.DataFrame({"group": groups[known].astype(str), "label": labels[known]})
    if target.kind == "number":
        means = frame.assign(label=frame["label"].astype(float)).groupby("group")["label"].mean()
        return {str(group): value for group, value in means.items()}
    frame["label"] = frame["label"].astype(str)
    count = frame.value_counts(["group", "label"], sort=True).reset_index()
    first = count.drop_duplicates("group")
    return dict(zip(first["group"].tolist(), first["label"].tolist(), strict=True))
