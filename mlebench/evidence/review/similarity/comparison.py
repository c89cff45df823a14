"""Which of many sides share code, in pairwise comparison of fingerprints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mlebench.evidence.review.similarity.boilerplate import presence
from mlebench.evidence.review.similarity.code_set import CodeSet, Side
from mlebench.evidence.review.similarity.similar_pair import LEAST_SHARED, SimilarPair
from mlebench.evidence.review.similarity.stretches import stretches

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FLOOR = 0.05
"""Extent from which a pair is listed."""
_MOST_FILES = 50
"""Files of a side that are compared one by one: those with the most in common."""


def compared(
    lefts: Sequence[CodeSet], rights: Sequence[CodeSet], without: NDArray[np.uint64], wanted: Callable[[Side, Side], bool]
) -> Iterator[SimilarPair]:
    """The pairs of a left and a right side that share more than a little.

    Args:
        lefts: runs or agents.
        rights: notebooks, or the same runs, in which case each pair is compared once.
        without: shape (n,), hashes that count on no side.
        wanted: whether a left and a right side should be compared.
    """
    import numpy as np

    is_among = lefts is rights
    hashes, having = presence([np.setdiff1d(side.prints.hashes, without) for side in (*lefts, *rights)])
    sizes = np.diff(having.indptr)
    for row, left in enumerate(lefts):
        counts = (having[len(lefts) :] @ having[row].T).tocoo()
        for place, shared in zip(counts.row.tolist(), counts.data.tolist(), strict=True):
            column = len(lefts) + place
            if (is_among and place <= row) or not wanted(left.side, rights[place].side):
                continue
            own = (int(sizes[row]), int(sizes[column]))
            if 2 * shared < LEAST_SHARED or shared < FLOOR * min(own):
                continue
            common = hashes[np.intersect1d(having[row].indices, having[column].indices)]
            pair = _pair(left, rights[place], common, own, without)
            if pair.extent >= FLOOR:
                yield pair


def _pair(
    left: CodeSet, right: CodeSet, common: NDArray[np.uint64], sizes: tuple[int, int], without: NDArray[np.uint64]
) -> SimilarPair:
    shared = len(common)
    whole = 2 * shared / sum(sizes)
    return SimilarPair(
        left.side,
        right.side,
        max(whole, _of_files(left, right, common, without)),
        shared / sizes[0],
        shared / sizes[1],
        shared,
        stretches(left, right, common),
    )


class _Files(NamedTuple):
    """The files of a side with the most common fingerprints."""

    hashes: list[NDArray[np.uint64]]
    """Those of each that are common."""
    sizes: list[int]
    """How many count of each."""


def _of_files(left: CodeSet, right: CodeSet, common: NDArray[np.uint64], without: NDArray[np.uint64]) -> float:
    """The similarity of the two files most alike that share enough to be looked at by themselves."""
    import numpy as np

    if len(left.files) == len(right.files) == 1:
        return 0.0
    here, there = _files(left, common, without), _files(right, common, without)
    _, having = presence([*here.hashes, *there.hashes])
    count = len(here.hashes)
    shared = (having[:count] @ having[count:].T).toarray()
    likeness = 2 * shared / np.add.outer(np.array(here.sizes), np.array(there.sizes))
    return float(likeness[shared >= LEAST_SHARED].max(initial=0.0))


def _files(side: CodeSet, common: NDArray[np.uint64], without: NDArray[np.uint64]) -> _Files:
    import numpy as np

    is_common = np.isin(side.prints.hashes, common)
    files, counts = np.unique(side.file_of[is_common], return_counts=True)
    chosen = files[np.argsort(-counts, kind="stable")[:_MOST_FILES]]
    own = [side.prints.hashes[side.file_of == file] for file in chosen]
    return _Files([np.intersect1d(hashes, common) for hashes in own], [len(np.setdiff1d(hashes, without)) for hashes in own])
