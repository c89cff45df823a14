"""Groups with parts in both train and test: patients, speakers, games, documents."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.clue import Clue
from mlebench.preparation.audit.likeness import pictures, sounds
from mlebench.preparation.audit.likeness.groups import Grouping, counts_things, is_part, is_person, is_reference, readings_of
from mlebench.preparation.audit.likeness.judged_groups import judged
from mlebench.preparation.audit.likeness.sides import (
    TablePair,
    TestUnits,
    file_sides,
    labels_of_rows,
    table_pairs,
    table_sides,
)
from mlebench.preparation.audit.likeness.votes import labels_of_paths
from mlebench.preparation.audit.truth import stem

NAME = "groups-on-both-sides"

_MOST_FILES = 200_000
_MOST_ROWS = 1_000_000
"""Rows of a table that are looked at."""
_MOST_SPACED = 0.2
"""Share of ids with spaces above which they are texts."""


def groups_on_both_sides(case: Case) -> Iterator[Clue]:
    """Groups named by a column or an id, on both sides, that are persons or that predict the answers of their parts."""
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
        if counts_things(name, theirs):
            continue
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
    # names shared by several units, such as those of slices, do not identify a group
    if not {*names[0]} <= ids and all(len({*one}) == len(one) for one in names):
        for how, mine, theirs in readings_of(*(np.array(one, dtype=object) for one in names)):
            yield Grouping(f"{how} in names of files", folder, mine, sides.rows, theirs, labels, from_id=True)


def _clues(case: Case, grouping: Grouping) -> Iterator[Clue]:
    if not grouping.shared.any() or grouping.is_numbered_anew():
        return
    found = judged(grouping, case.truth.targets, case.truth.rows)
    if not found.counts:
        return
    wholes = len({*grouping.test[grouping.shared]})
    best = found.best
    agrees = (
        f"; agreement with the answers of their training parts is {best.hits:.2f}, by chance {best.base:.2f}" if best.rows else ""
    )
    what = (
        f"{found.rows:,} of {case.truth.rows:,} test rows belong to {wholes:,} groups of {grouping.name} also in training{agrees}"
    )
    yield Clue(NAME, grouping.file, what, found.guesses, found.rows)
