"""Where two sides are equal: sequences of shared fingerprints, as lines of files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mlebench.evidence.review.similarity.fingerprints import WINDOW

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mlebench.evidence.review.similarity.code_set import CodeSet

MOST_STRETCHES = 100
_MOST_REPEATS = 4
"""Places at which one fingerprint of a side is looked for on the other."""


class Lines(NamedTuple):
    """Lines of a file."""

    file: str
    first: int
    last: int
    """From 1; the last one counts."""


class Stretch(NamedTuple):
    """What is the same on both sides."""

    left: Lines
    right: Lines
    tokens: int
    """How many in a row are the same, at least."""


def stretches(left: CodeSet, right: CodeSet, shared: NDArray[np.uint64]) -> list[Stretch]:
    """The stretches that two sides share, the longest first, at most `MOST_STRETCHES`; what is in one is in no other.

    Args:
        shared: shape (n,), hashes that both sides have and that count.
    """
    found = [_joined(left, right, run) for run in _runs(left, right, shared)]
    found.sort(key=lambda stretch: (-stretch.tokens, stretch))
    return _apart(found)


def _runs(left: CodeSet, right: CodeSet, shared: NDArray[np.uint64]) -> Iterable[Sequence[tuple[int, int]]]:
    """Fingerprints of both sides, by their places, that follow each other alike."""
    import numpy as np

    there: dict[int, list[int]] = defaultdict(list)
    for place in np.flatnonzero(np.isin(right.prints.hashes, shared)).tolist():
        if len(there[value := int(right.prints.hashes[place])]) < _MOST_REPEATS:
            there[value].append(place)
    # by files and by the distance between equal tokens
    alike: dict[tuple[int, int, int], list[tuple[int, int]]] = defaultdict(list)
    for here in np.flatnonzero(np.isin(left.prints.hashes, shared)).tolist():
        for place in there[int(left.prints.hashes[here])]:
            apart = int(left.prints.first_tokens[here]) - int(right.prints.first_tokens[place])
            alike[int(left.file_of[here]), int(right.file_of[place]), apart].append((here, place))
    for pairs in alike.values():
        run = pairs[:1]
        for pair in pairs[1:]:
            if left.prints.first_tokens[pair[0]] > left.prints.last_tokens[run[-1][0]] + WINDOW:
                yield run
                run = []
            run.append(pair)
        yield run


def _joined(left: CodeSet, right: CodeSet, run: Sequence[tuple[int, int]]) -> Stretch:
    here, there = [pair[0] for pair in run], [pair[1] for pair in run]
    tokens = int(left.prints.last_tokens[here[-1]]) - int(left.prints.first_tokens[here[0]]) + 1
    return Stretch(_lines(left, here), _lines(right, there), tokens)


def _lines(side: CodeSet, places: Sequence[int]) -> Lines:
    first, last = side.prints.first_lines[places].min(), side.prints.last_lines[places].max()
    return Lines(side.files[int(side.file_of[places[0]])], int(first), int(last))


def _apart(found: Iterable[Stretch]) -> list[Stretch]:
    """The first ones, without those with an end mostly inside an earlier one."""
    kept: list[Stretch] = []
    taken: tuple[dict[str, set[int]], dict[str, set[int]]] = (defaultdict(set), defaultdict(set))
    for stretch in found:
        ends = list(zip(taken, (stretch.left, stretch.right), strict=True))
        if any(_share_in(lines, known[lines.file]) > 0.5 for known, lines in ends):
            continue
        kept.append(stretch)
        for known, lines in ends:
            known[lines.file].update(range(lines.first, lines.last + 1))
        if len(kept) == MOST_STRETCHES:
            break
    return kept


def _share_in(lines: Lines, known: set[int]) -> float:
    return sum(line in known for line in range(lines.first, lines.last + 1)) / (lines.last - lines.first + 1)
