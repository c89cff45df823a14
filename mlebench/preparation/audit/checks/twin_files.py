"""Files of any other kind that are in train and in test."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.clue import Clue
from mlebench.preparation.audit.likeness import containers, pictures, sounds
from mlebench.preparation.audit.likeness.same_bytes import same_bytes
from mlebench.preparation.audit.likeness.sides import file_sides
from mlebench.preparation.audit.likeness.votes import guesses_of, labels_of_paths, told_rows

NAME = "twin-files"

_FEWEST_BYTES = 256
"""Smaller files are equal by chance."""

_ELSEWHERE = frozenset({*pictures.ENDINGS, *sounds.ENDINGS, *containers.ENDINGS} - {"parquet"})


def twin_files(case: Case) -> Iterator[Clue]:
    """Files with the same bytes that are neither pictures nor sounds: structures, signals, videos, volumes."""
    endings = {file.name.rpartition(".")[2].lower() for file in case.seen.files} - _ELSEWHERE
    sides = file_sides(case, sorted(endings))
    mine, theirs = same_bytes(case, sides, _FEWEST_BYTES)
    if len(mine):
        paths = np.array([file.path for file in sides.train], dtype=object)[theirs]
        labels = labels_of_paths(case, paths)
        count = told_rows(sides.rows, mine)
        told = guesses_of(case.truth, sides.rows, mine, labels)
        where = f"{sides.test[int(mine[0])].path.rpartition('/')[0]}/*"
        yield Clue(
            NAME, where, f"files of {count:,} of {case.truth.rows:,} test rows are byte-identical to training files", told, count
        )
