"""Wholes of which parts are in train and others in test: patients, speakers, games, documents."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.clue import Clue, Guess
from mlebench.preparation.audit.likeness import pictures, sounds
from mlebench.preparation.audit.likeness.chance import Agreement, agreement
from mlebench.preparation.audit.likeness.groups import (
    Grouping,
    group_values,
    is_part,
    is_person,
    is_reference,
    is_whole,
    readings_of,
)
from mlebench.preparation.audit.likeness.sides import (
    TablePair,
    TestUnits,
    file_sides,
    labels_of_rows,
    table_pairs,
    table_sides,
)
from mlebench.preparation.audit.likeness.votes import labels_of_paths, told_rows
from mlebench.preparation.audit.truth import Target, stem

NAME = "groups-on-both-sides"

_MOST_FILES = 200_000
_MOST_ROWS = 1_000_000
"""Rows of a table that are looked at."""
_TRIED = 50
"""Groupings and targets that an audit tries, for which chance is corrected."""
_LEAST_SHARED = 0.02
"""Share of the test rows whose group is in train from which a person counts."""
_MARGIN = 0.15
_MOST_SPACED = 0.2
"""Share of ids with spaces above which they are texts."""
_ENOUGH_ROWS, _REFUTED = 100, 0.01
"""So many groups that tell answers no better than this chance tell nothing."""


def groups_on_both_sides(case: Case) -> Iterator[Clue]:
    """Groups that a column or an id names, on both sides, that are persons or that tell the answers of their parts."""
    units = TestUnits(case.truth)
    told: set[tuple[str, bytes]] = set()
    for grouping in _groupings(case, units):
        for clue in _clues(case, grouping):
            form = (clue.file, grouping.shared.tobytes())
            if form not in told:
                told.add(form)
                yield clue


def _groupings(case: Case, units: TestUnits) -> Iterator[Grouping]:
    for pair in table_pairs(table_sides(case, units), case.truth):
        yield from _of_tables(case, pair, units)
    yield from _of_ids(case)
    yield from _of_files(case)


def _of_tables(case: Case, pair: TablePair, units: TestUnits) -> Iterator[Grouping]:
    columns = [name for name in pair.columns if is_person(name) or is_part(name) or is_reference(name)]
    if not columns:
        return
    test, train = pair.test.table.read(_MOST_ROWS), pair.train.table.read(_MOST_ROWS)
    place = pair.test.units(test, 0, units, case.truth)
    test, place = test[place >= 0], place[place >= 0]
    train = train[pair.train.units(train, 0, units, case.truth) < 0]
    labels = {target.name: labels_of_rows(case, target, train) for target in case.truth.targets}
    rows = [units.rows(int(unit)) for unit in place]
    for name in columns:
        mine, theirs = (table[name].astype(str).to_numpy(dtype=object) for table in (test, train))
        yield Grouping(name, pair.test.table.path, mine, rows, theirs, labels)


def _of_ids(case: Case) -> Iterator[Grouping]:
    """Groups in the ids themselves."""
    names = case.truth.ids.iloc[:, 0].to_numpy(dtype=object)
    if np.mean([" " in str(name) for name in names[:1000]]) > _MOST_SPACED:
        return
    rows = [np.array([row]) for row in range(len(names))]
    for target in case.truth.targets[:1]:
        known = case.labels.of.get(target.name)
        if known is None or not len(known):
            continue
        train = known.index.to_numpy(dtype=object)[:_MOST_ROWS]
        labels = {target.name: known.to_numpy(dtype=object)[:_MOST_ROWS]}
        for how, mine, theirs in readings_of(names, train):
            yield Grouping(f"{how} in `{case.truth.id_columns[0]}`", "*", mine, rows, theirs, labels, from_id=True)


def _of_files(case: Case) -> Iterator[Grouping]:
    """Groups in the folders and names of files, where these say more than ids."""
    sides = file_sides(case, (*pictures.ENDINGS, *sounds.ENDINGS, "txt", "csv", "parquet", "json"))
    if not sides.test or not sides.train:
        return
    train = sides.train[:_MOST_FILES]
    labels = labels_of_paths(case, [file.path for file in train])
    folder = f"{sides.test[0].path.rpartition('/')[0]}/*"
    mine, theirs = (
        np.array([file.parts[-2] if len(file.parts) > 2 else "" for file in files], object) for files in (sides.test, train)
    )
    yield Grouping("the folder group", folder, mine, sides.rows, theirs, labels)
    ids = {*case.truth.ids.iloc[:, 0].astype(str)}
    names = [[stem(file.name) for file in files] for files in (sides.test, train)]
    # names that several units have, such as those of slices, say nothing of the whole
    if not {*names[0]} <= ids and all(len({*one}) == len(one) for one in names):
        for how, mine, theirs in readings_of(*(np.array(one, dtype=object) for one in names)):
            yield Grouping(f"{how} in names of files", folder, mine, sides.rows, theirs, labels, from_id=True)


def _clues(case: Case, grouping: Grouping) -> Iterator[Clue]:
    shared = grouping.shared
    if not shared.any() or grouping.is_numbered_anew():
        return
    things = np.flatnonzero(shared)
    count = told_rows(grouping.rows, things)
    best, guesses = _best(case, grouping)
    by_name = count >= _LEAST_SHARED * case.truth.rows and _is_named(grouping, best)
    whole = grouping.from_id or is_person(grouping.name) or is_part(grouping.name) or grouping.is_small()
    if not by_name and not (whole and grouping.is_fine() and best.holds(_TRIED, _MARGIN)):
        return
    wholes = len({*grouping.test[things]})
    agrees = (
        f"; agreement with the answers of their training parts is {best.hits:.2f}, by chance {best.base:.2f}" if best.rows else ""
    )
    what = f"{count:,} of {case.truth.rows:,} test rows belong to {wholes:,} groups of {grouping.name} also in training{agrees}"
    yield Clue(NAME, grouping.file, what, guesses, count)


def _is_named(grouping: Grouping, best: Agreement) -> bool:
    """Whether groups count by what they are: persons always, other wholes unless many rows show that they tell nothing."""
    if not grouping.has_several():
        return False
    if is_person(grouping.name):
        return True
    refuted = best.rows >= _ENOUGH_ROWS and best.p > _REFUTED
    return not refuted and (grouping.is_counted() if grouping.from_id else is_whole(grouping.name))


def _best(case: Case, grouping: Grouping) -> tuple[Agreement, tuple[Guess, ...]]:
    """How well the target that groups tell best is told, one row of each group counted; and what they tell of all rows."""
    best, guesses = Agreement(0, 0.0, 0.0, 1.0), []
    for target in case.truth.targets:
        if target.name not in grouping.labels:
            continue
        known = group_values(grouping.train, grouping.labels[target.name], target)
        values = _values(case, grouping, target, known)
        guess = Guess(target.name, values)
        if not guess.told.any():
            continue
        guesses.append(guess)
        one = agreement(target, _one_each(grouping, values))
        best = min(best, one, key=lambda found: found.p)
    return best, tuple(guesses)


def _values(case: Case, grouping: Grouping, target: Target, known: dict[str, object]) -> np.ndarray:
    numbers = target.kind == "number"
    values = np.full(case.truth.rows, np.nan) if numbers else np.full(case.truth.rows, None, dtype=object)
    for group, rows in zip(grouping.test, grouping.rows, strict=True):
        if (value := known.get(str(group))) is not None:
            values[rows] = value
    return values


def _one_each(grouping: Grouping, values: np.ndarray) -> np.ndarray:
    """The guesses without those of all but one row of each group, as rows of one whole are not independent."""
    kept = np.full(len(values), np.nan) if values.dtype.kind == "f" else np.full(len(values), None, dtype=object)
    seen: set[str] = set()
    for group, rows in zip(grouping.test, grouping.rows, strict=True):
        if str(group) not in seen and len(rows):
            seen.add(str(group))
            kept[rows[0]] = values[rows[0]]
    return kept
