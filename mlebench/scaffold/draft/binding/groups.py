"""Groups of rows (patients, sites, games), found from names of columns, parts of ids, answers, and Kaggle's test rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from grading.printable import printable
from grading.wording import counted
from mlebench.preparation.audit.likeness.groups import Grouping, counts_things, is_part, is_person, is_reference, readings_of
from mlebench.preparation.audit.likeness.judged_groups import Judged, judged
from mlebench.preparation.audit.truth import Target
from mlebench.scaffold.draft.binding.labelled import Labelled, is_measure, numbers_of
from mlebench.scaffold.draft.binding.times import is_time
from mlebench.scaffold.draft.bond import Bond

SEPARATORS = ("_", "-", "/", ".", " ", ":", "|")
_SAME_FORM = 0.99
"""Share of the cells that must have the same number of parts."""
_MOST_PARTS = 6
_FEWEST_GROUPS = 5
_FEWEST_NEW = 3
"""Groups that Kaggle's test must have for it to be told that all of them are new."""
_SURE = -6.0
"""Decimal logarithm of the chance that test groups are all new although rows were drawn singly."""
_KINDS = 20
"""So few groups that nearly all test rows belong to are kinds."""
_KNOWN = 0.9
_LARGEST = 0.5
_UNIQUE = 0.5
"""Share of different cells from which a column names its rows."""
_UNLEARNABLE = 0.1
"""Share of the rows whose class no other group has, above which the groups are the classes."""
_MOST_NAMED = 50_000
"""Rows whose groups are listed one by one."""
_SIDES = re.compile(r"train(ing)?|test(ing)?", re.IGNORECASE)


@dataclass(frozen=True)
class _Candidate:
    """One way in which rows may fall into groups."""

    column: str
    separator: str | None
    part: int
    train: np.ndarray
    """Shape (rows,), object: the group of each labelled row; empty for none."""
    test: np.ndarray | None
    leads: bool = True
    """Whether it is a whole cell, or the first part of it that differs between rows."""

    @property
    def name(self) -> str:
        """The column, or where in it the group is."""
        if not self.separator:
            return self.column
        return f"part {self.part + 1} in `{self.column}`" if self.leads else f"part {self.part + 1}"

    @property
    def says_nothing(self) -> bool:
        """Whether its name is that of no whole."""
        return not any(says(self.column) for says in (is_person, is_part, is_reference))


def group_bonds(labelled: Labelled) -> Iterator[tuple[Bond, np.ndarray]]:
    """Bonds of groups, the surest first, each with the group of every labelled row that was looked at."""
    found: list[tuple[int, Bond, np.ndarray]] = []
    for one in _candidates(labelled):
        if not _can_be_split(one, labelled):
            continue
        new = _why_new(one)
        shared = judged(*_halves(one, labelled))
        if new is not None:
            found.append((0, _bond(one, new), one.train))
        elif _counts(one, labelled, shared):
            found.append((1 if is_person(one.column) else 2, _bond(one, _why_shared(one, shared, labelled)), one.train))
    if not any(bond.column in labelled.ids and bond.separator for _, bond, _ in found):
        found += [(3, *read) for read in _readings(labelled)]
    for _, bond, groups in sorted(found, key=lambda entry: entry[0]):
        yield bond, groups


def _candidates(labelled: Labelled) -> Iterator[_Candidate]:
    for name in [*labelled.ids, *labelled.described]:
        if name not in labelled.train:
            continue
        cells = labelled.cells(name)
        different = len({*cells})
        whole = _Candidate(name, None, 0, cells, labelled.asked(name))
        # a prompt or a sentence that several rows share is a whole as well as a text
        if is_measure(cells) or is_time(name, cells) or (labelled.is_text(name) and whole.says_nothing):
            continue
        if different < len(cells):
            yield whole
        if different > _UNIQUE * len(cells) and numbers_of(cells) is None and not labelled.is_text(name):
            yield from _parts(name, cells, labelled.asked(name))


def _readings(labelled: Labelled) -> Iterator[tuple[Bond, np.ndarray]]:
    """Groups in ids of several forms, read as the audit reads them; each group is a set of ids."""
    for name in labelled.ids[:1]:
        cells = labelled.cells(name) if name in labelled.train else np.zeros(0, dtype=object)
        if not _UNIQUE * len(cells) < len({*cells}) == len(cells) <= _MOST_NAMED or numbers_of(cells) is not None:
            continue
        asked = labelled.asked(name)
        for how, groups, theirs in readings_of(cells, cells if asked is None else asked):
            one = _Candidate(f"{how} in `{name}`", "", 0, groups, theirs if asked is not None else None)
            if not _can_be_split(one, labelled):
                continue
            shared = judged(*_halves(one, labelled))
            if _why_new(one) is not None or (shared.counts and not _are_kinds(one)):
                sets: dict[str, list[str]] = {}
                for group, cell in zip(groups.tolist(), cells.tolist(), strict=True):
                    sets.setdefault(group or f"\0{cell}", []).append(cell)
                several = tuple(tuple(names) for names in sets.values() if len(names) > 1)
                rows = sum(map(len, several))
                why = f"{rows:,} of {len(cells):,} labelled rows fall into {counted(len(several), 'group')} by {how} in their ids"
                yield Bond("group", name, why, sets=several), groups
                return


def _parts(name: str, cells: np.ndarray, asked: np.ndarray | None) -> Iterator[_Candidate]:
    """The parts of cells that all have the same number of parts."""
    for separator in SEPARATORS:
        split = [cell.split(separator) for cell in cells]
        count = max({len(parts) for parts in split}, key=[len(parts) for parts in split].count)
        if not 2 <= count <= _MOST_PARTS or np.mean([len(parts) == count for parts in split]) < _SAME_FORM:
            continue
        theirs = None if asked is None else [cell.split(separator) for cell in asked]
        leads = True
        for part in range(count):
            mine = _part(split, part)
            if is_time(name, mine):
                break
            if len({*mine}) < _FEWEST_GROUPS and leads:
                continue
            yield _Candidate(name, separator, part, mine, None if theirs is None else _part(theirs, part), leads)
            leads = False


def _part(split: list[list[str]], part: int) -> np.ndarray:
    return np.array([parts[part] if part < len(parts) else "" for parts in split], dtype=object)


def _can_be_split(one: _Candidate, labelled: Labelled) -> bool:
    """Whether there are several groups of several rows, of which none is most of the table, and which are not the classes."""
    named = one.train[one.train != ""]
    _, count = np.unique(named.astype(str), return_counts=True)
    # all rows without a group would be one
    largest = max(int(count.max(initial=0)), len(one.train) - len(named))
    if len(count) < _FEWEST_GROUPS or count.max() < 2 or largest > _LARGEST * len(one.train):
        return False
    return not any(_are_classes(one.train, answers) for target, answers in labelled.answers if target.kind == "class")


def _are_classes(groups: np.ndarray, answers: np.ndarray) -> bool:
    """Whether a split by groups would leave many rows of classes that nobody has seen."""
    import pandas as pd

    table = pd.DataFrame({"group": groups, "class": answers}).dropna()
    by_class = table.groupby("class")["group"].agg(["nunique", "size"])
    repeated = by_class[by_class["size"] > 1]
    return bool(repeated.loc[repeated["nunique"] == 1, "size"].sum() > _UNLEARNABLE * len(table))


def _halves(one: _Candidate, labelled: Labelled) -> tuple[Grouping, list[Target], int]:
    """The labelled rows drawn into two halves, as the audit would find them after a split that ignores the groups."""
    drawn = np.random.default_rng(0).permutation(len(one.train))
    mine, theirs = np.sort(drawn[: len(drawn) // 2]), np.sort(drawn[len(drawn) // 2 :])
    labels, targets = {}, []
    for target, answers in labelled.answers:
        if target.kind != "text":
            labels[target.name] = answers[theirs]
            own = answers[mine]
            if target.kind == "number":
                own = np.array([np.nan if value is None else value for value in own], dtype=np.float64)
            targets.append(Target(target.name, target.kind, own, target.columns))
    rows = [np.array([place]) for place in range(len(mine))]
    grouping = Grouping(one.name, "", one.train[mine], rows, one.train[theirs], labels, from_id=one.separator is not None)
    return grouping, targets, len(mine)


def _counts(one: _Candidate, labelled: Labelled, found: Judged) -> bool:
    """Whether the audit would object to a split that ignores the groups, and they are neither kinds nor counts of things."""
    if one.separator is None and [one.column] == [*labelled.ids]:
        return True
    if _is_series(one, labelled):
        return True
    if not found.counts or _are_kinds(one) or (one.separator is None and counts_things(one.column, one.train)):
        return False
    by_answers = bool(found.best.rows) and found.best.holds(_TRIED)
    if one.separator is not None:
        return one.leads or by_answers
    if one.says_nothing:
        return by_answers and _are_codes(one.train) and not _is_known(one)
    # `passengers` may be how many
    return numbers_of(one.train) is None or is_reference(one.column) or by_answers or len({*one.train}) > _KINDS


def _is_series(one: _Candidate, labelled: Labelled) -> bool:
    """Whether rows of a group are steps of one course: another column counts them, and one says something of the whole."""
    import pandas as pd

    if one.separator is not None or not is_part(one.column) or _is_known(one):
        return False
    others = [name for name in [*labelled.ids, *labelled.described] if name in labelled.train and name != one.column]
    table = pd.DataFrame({name: labelled.cells(name) for name in others}).assign(**{_GROUP: one.train})
    distinct, size = table.nunique(), table.groupby(_GROUP)[others].nunique()
    rows = table.groupby(_GROUP).size()
    counters = [name for name in others if distinct[name] <= _FEW_STEPS * len(table) and (size[name] == rows).all()]
    constant = [name for name in others if distinct[name] > 1 and (size[name] == 1).all()]
    return bool(rows.median() >= 2 and counters and constant)


_GROUP = "\0group"
_FEW_STEPS = 0.5
"""Share of different values above which a column names rows and does not count steps that begin again in each group."""
_TRIED = 50
_CODE = re.compile(r"(?=.*\d)(?=.*[A-Za-z])\S{2,40}")


def _are_codes(cells: np.ndarray) -> bool:
    """Whether cells are of letters and digits, as codes of things are, not names of kinds or numbers."""
    head = [cell for cell in cells[:1000] if cell]
    return bool(head) and float(np.mean([bool(_CODE.fullmatch(cell)) for cell in head])) > 0.9


def _is_known(one: _Candidate) -> bool:
    """Whether Kaggle's test has rows of the groups of labelled rows."""
    return one.test is not None and bool(np.isin(one.test.astype(str), one.train.astype(str)).any())


def _are_kinds(one: _Candidate) -> bool:
    if one.test is None or len({*one.train}) > _KINDS:
        return False
    return bool(np.mean(np.isin(one.test.astype(str), one.train.astype(str))) >= _KNOWN)


def _why_new(one: _Candidate) -> str | None:
    """Why Kaggle's test rows are of other groups; None if they are not, or if that may be chance."""
    if one.test is None:
        return None
    mine, theirs = ({*_SIDES.sub("", "\n".join(cells)).split("\n")} - {""} for cells in (one.train, one.test))
    if mine & theirs or len(theirs) < _FEWEST_NEW:
        return None
    named = one.train[one.train != ""]
    _, place, count = np.unique(named.astype(str), return_inverse=True, return_counts=True)
    single = float((count[place] == 1).mean())
    if len(theirs) * np.log10(max(single, 1e-12)) > _SURE:
        return None
    return (
        f"none of the {counted(len(theirs), 'value')} of {_quoted(one)} in the unlabelled table is among the "
        f"{counted(len(mine), 'value')} of the {len(one.train):,} labelled rows"
    )


def _why_shared(one: _Candidate, found: Judged, labelled: Labelled) -> str:
    groups = len({*one.train} - {""})
    said = f"{len(one.train):,} labelled rows fall into {counted(groups, 'group')} by {_quoted(one)}"
    if found.best.rows and found.best.holds(_TRIED):
        return (
            f"{said}, and the other rows of a group tell the target with an agreement of {found.best.hits:.2f}, "
            f"by chance {found.best.base:.2f}"
        )
    if one.separator is None and [one.column] == [*labelled.ids]:
        return f"{said}, the id, which several rows have"
    if one.separator is not None and not is_person(one.column):
        return f"{said}, and most groups have several rows"
    if _is_series(one, labelled):
        return f"{said}, whose rows another column counts"
    return f"{said}, which its name says {'are persons' if is_person(one.column) else 'are parts of one whole'}"


def _quoted(one: _Candidate) -> str:
    column = f"`{printable(one.column, 80)}`"
    return column if one.separator is None else f"part {one.part + 1} of {column} (divided at `{one.separator}`)"


def _bond(one: _Candidate, why: str) -> Bond:
    return Bond("group", one.column, why, one.separator, one.part)
