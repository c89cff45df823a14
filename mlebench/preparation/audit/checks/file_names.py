"""`file-names`: a path, or an id, that holds the label of its test row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from grading.printable import printable
from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.asked import asked_of, ids_of, one_row_each
from mlebench.preparation.audit.checks.comparing import Comparer, Told
from mlebench.preparation.audit.checks.files import FileGroup, file_groups
from mlebench.preparation.audit.clue import Clue

NAME = "file-names"


def file_names(case: Case) -> Iterator[Clue]:
    """Names and folders of the files of test rows, then their ids."""
    comparer = Comparer()
    told_by_name = False
    for group in file_groups(case):
        for clue in _in_paths(case, group, comparer):
            told_by_name = True
            yield clue
    if not told_by_name:
        yield from _in_ids(case, comparer)


def _in_paths(case: Case, group: FileGroup, comparer: Comparer) -> Iterator[Clue]:
    paths = [file.path.split("/") for file in group.files]
    depth = max(len(parts) for parts in paths)
    ids = ids_of(case.truth, group.units, len(group.files))
    for question in asked_of(case.truth, group.units, len(group.files)):
        for place in range(1, depth + 1):
            cells = np.array([parts[-place] if len(parts) >= place else None for parts in paths], dtype=object)
            if len({*cells}) < 2:
                continue
            if place == 1:
                cells = np.array([name.rpartition(".")[0] or name for name in cells], dtype=object)
            told = comparer.best(cells, question.target, ids)
            if told is not None:
                what = "the file's name" if place == 1 else f"the name of folder {place - 1} above the file"
                yield Clue(NAME, group.pattern, _sentence(what, told), (question.guess(told.values),))
                break


def _in_ids(case: Case, comparer: Comparer) -> Iterator[Clue]:
    truth = case.truth
    rows = one_row_each(truth)
    if rows is not None and len(truth.id_columns) > 1:
        return
    for column in truth.id_columns:
        cells = truth.ids[column].to_numpy(dtype=object)
        units = np.arange(truth.rows, dtype=np.int64)
        for question in asked_of(truth, units, truth.rows):
            told = comparer.best(cells, question.target)
            if told is not None:
                sample = case.competition.sample_submission.name
                what = _sentence(f"the id {printable(column, 40)}", told)
                yield Clue(NAME, sample, what, (question.guess(told.values),))


def _sentence(what: str, told: Told) -> str:
    return f"{what} {told.how} {printable(told.target.name, 40)} in {told.right:,} of {told.of:,} cases"
