"""`metadata`: what a file contains besides its content, such as tags, comments, headers and trailing bytes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from grading.printable import printable
from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.asked import asked_of
from mlebench.preparation.audit.checks.comparing import Column, Comparer
from mlebench.preparation.audit.checks.files import file_groups
from mlebench.preparation.audit.checks.predicting import Bounds, predicted
from mlebench.preparation.audit.checks.sizes_and_times import as_numbers
from mlebench.preparation.audit.checks.statistics import Family
from mlebench.preparation.audit.checks.tags import EXTENTS, tags_of
from mlebench.preparation.audit.clue import Clue

NAME = "metadata"
_BOUNDS = Bounds(auc=0.8, r2=0.3)
_MOST_VALUES = 200


def metadata(case: Case) -> Iterator[Clue]:
    """Every tag of the test rows' files: whether it equals, encodes or predicts the answer."""
    comparer, family = Comparer(), Family()
    for place, group in enumerate(file_groups(case)):
        tags = {name: cells for name, cells in tags_of(case, place).items() if not name.startswith(EXTENTS)}
        columns = {name: Column.of(cells) for name, cells in tags.items()}
        for question in asked_of(case.truth, group.units, len(group.files)):
            for name, cells in tags.items():
                told = comparer.best(columns[name], question.target)
                if told is not None:
                    asked = printable(question.target.name, 40)
                    sentence = f"{printable(name)} {told.how} {asked} in {told.right:,} of {told.of:,} files"
                    yield Clue(NAME, group.pattern, sentence, (question.guess(told.values),))
                    continue
                found = predicted(_features(cells), question, family, _BOUNDS)
                if found is not None:
                    sentence = f"{printable(name)} predicts {printable(question.target.name, 40)} {found.quality}"
                    yield Clue(NAME, group.pattern, sentence, (found.guess,))


def _features(cells: np.ndarray) -> np.ndarray:
    """What a tree can split: the number or place of a value, and how long it is; shape (files, features)."""
    texts = np.array(["" if cell is None else str(cell) for cell in cells])
    lengths = np.char.str_len(texts).astype(np.float64)
    values = as_numbers(texts) if len(np.unique(texts)) <= _MOST_VALUES or as_numbers(texts).dtype.kind == "f" else lengths
    return np.stack([values, lengths], axis=1)
