"""Files with the same bytes on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.likeness.sides import FileSides
from mlebench.preparation.audit.seen.listing import SeenFile

_MOST = 2**24
"""Bytes of a file that are compared; longer ones are equal if they begin so and are of one size."""
FEWEST = 64
"""Smaller files are equal by chance."""
_FORM = 20
"""A file that more training files equal, or more than a fiftieth of few of them (at least two), is a form or a place holder."""

_DIFFERENT = 0.7
"""Least share of different ones among the training files that are read."""
_NOTHING = np.zeros(0, dtype=np.int64)


def same_bytes(case: Case, sides: FileSides, fewest: int = FEWEST) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of test and training files with equal bytes; only files that share their size with one of the other side are read.

    Args:
        case: what is audited.
        sides: files of both sides.
        fewest: bytes of a file that is compared.

    Returns:
        Positions in `sides.test` and in `sides.train`, one pair each; shape (pairs,).
    """
    sizes = {file.size for file in sides.test} & {file.size for file in sides.train}
    test = [place for place, file in enumerate(sides.test) if file.size in sizes and file.size >= fewest]
    train = [place for place, file in enumerate(sides.train) if file.size in sizes and file.size >= fewest]
    digests = _digests(case, [*(sides.test[place] for place in test), *(sides.train[place] for place in train)])
    by_digest: dict[bytes, list[int]] = {}
    for place in train:
        by_digest.setdefault(digests.get(sides.train[place].path, b""), []).append(place)
    by_digest.pop(b"", None)
    if len(by_digest) < _DIFFERENT * len(train):
        # most training files equal another one: a test file does so by chance
        return _NOTHING, _NOTHING
    pairs = [(place, twin) for place in test for twin in by_digest.get(digests.get(sides.test[place].path, b""), ())]
    both = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return uncommon(both[:, 0], both[:, 1], len(sides.train))


def uncommon(mine: np.ndarray, theirs: np.ndarray, train: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs without those of test files that many of this many training files equal, as place holders do."""
    kept = np.bincount(mine, minlength=1)[mine] <= max(2, min(_FORM, train // 50))
    return mine[kept], theirs[kept]


def _digests(case: Case, files: Sequence[SeenFile]) -> dict[str, bytes]:
    return {
        file.path: file.size.to_bytes(8, "big") + hashlib.blake2b(content, digest_size=16).digest()
        for file, content in case.seen.contents(files, _MOST)
    }
