"""`metadata`: what a file says of itself beside its content, such as tags, comments, headers and trailing bytes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from grading.printable import printable
from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.asked import asked_of
from mlebench.preparation.audit.checks.comparing import Column, Comparer
from mlebench.preparation.audit.checks.files import FileGroup, file_groups
from mlebench.preparation.audit.checks.predicting import Bounds, predicted
from mlebench.preparation.audit.checks.sizes_and_times import EXTENTS, as_numbers
from mlebench.preparation.audit.checks.statistics import Family
from mlebench.preparation.audit.clue import Clue
from mlebench.preparation.audit.seen.said import said_by

NAME = "metadata"
_MOST_TAGS = 400
_BOUNDS = Bounds(auc=0.8, r2=0.3)
_MOST_VALUES = 200


def metadata(case: Case) -> Iterator[Clue]:
    """Every tag of the files of test rows: whether it is the answer, stands for it, or predicts it."""
    comparer, family = Comparer(), Family()
    for group in file_groups(case):
        tags = _tags(case, group)
        columns = {name: Column.of(cells) for name, cells in tags.items()}
        for question in asked_of(case.truth, group.units, len(group.files)):
            for name, cells in tags.items():
                told = comparer.best(columns[name], question.target)
                if told is not None:
                    sentence = (
                        f"{printable(name)} {told.how} {printable(question.target.name, 40)} in {told.right:,} of {told.of:,} files"
                    )
                    yield Clue(NAME, group.pattern, sentence, (question.guess(told.values),))
                    continue
                found = predicted(_features(cells), question, family, _BOUNDS)
                if found is not None:
                    sentence = f"{printable(name)} predicts {printable(question.target.name, 40)} {found.quality}"
                    yield Clue(NAME, group.pattern, sentence, (found.guess,))


def _tags(case: Case, group: FileGroup) -> dict[str, np.ndarray]:
    """By tag what each file says, shape (files,) object, None where it does not; those that differ between files."""
    places = {file.path: place for place, file in enumerate(group.files)}
    found: dict[str, np.ndarray] = {}
    for file, said in said_by(group.files, case.seen, jobs=case.jobs):
        for name, value in said.items():
            if name.startswith(EXTENTS) or (name not in found and len(found) >= _MOST_TAGS):
                continue
            found.setdefault(name, np.full(len(group.files), None, dtype=object))[places[file.path]] = value
    return {name: cells for name, cells in found.items() if len({*cells}) > 1}


def _features(cells: np.ndarray) -> np.ndarray:
    """What a tree can split: the number or place of a value, whether there is one, and how long it is; shape (files, features)."""
    texts = np.array(["" if cell is None else str(cell) for cell in cells])
    lengths = np.char.str_len(texts).astype(np.float64)
    values = as_numbers(texts) if len(np.unique(texts)) <= _MOST_VALUES or as_numbers(texts).dtype.kind == "f" else lengths
    return np.stack([values, lengths], axis=1)
