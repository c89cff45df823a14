"""How two texts differ, by line and within lines, within bounds of time and memory whatever the texts are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

MOST_LINES = 20_000
"""Of either text; of longer ones all that is between equal beginnings and ends counts as changed."""
_LONGEST_MARKED = 1_000
_MOST_MARKED = 4_000
"""Pairs of lines that are compared word by word."""
_LEAST_ALIKE = 0.3
_WORD = re.compile(r"\w+|\s+|[^\w\s]")

Piece = tuple[str, bool]
"""A part of a line, and whether it is only on this side."""


class Change(NamedTuple):
    """A stretch of lines, from and to before (from 0) in both texts."""

    is_equal: bool
    first: range
    second: range


class Row(NamedTuple):
    """A line in both texts, or in one, or two that stand for each other."""

    first: int | None
    """Number of the line, from 1; None if there is none."""
    second: int | None
    first_pieces: Sequence[Piece] = ()
    second_pieces: Sequence[Piece] = ()

    @property
    def is_equal(self) -> bool:
        """Whether both texts have this line."""
        return not any(is_own for pieces in (self.first_pieces, self.second_pieces) for _, is_own in pieces) and not (
            self.first is None or self.second is None
        )


def changes(first: Sequence[str], second: Sequence[str]) -> list[Change]:
    """The stretches of two lists of lines, in order: equal ones and changed ones in turn; as few lines change as possible."""
    begins = _same(first, second)
    ends = _same(first[begins:][::-1], second[begins:][::-1])
    middle = first[begins : len(first) - ends], second[begins : len(second) - ends]
    found = [Change(True, range(begins), range(begins))]
    if max(map(len, middle)) > MOST_LINES:
        found.append(_moved(Change(False, range(len(middle[0])), range(len(middle[1]))), begins))
    else:
        found += [_moved(change, begins) for change in _stretches(*middle)]
    found.append(Change(True, range(len(first) - ends, len(first)), range(len(second) - ends, len(second))))
    return [change for change in found if change.first or change.second]


def added_and_removed(found: Sequence[Change]) -> tuple[int, int]:
    """Lines that only the second text has, and that only the first has."""
    changed = [change for change in found if not change.is_equal]
    return sum(len(change.second) for change in changed), sum(len(change.first) for change in changed)


def rows(first: Sequence[str], second: Sequence[str], found: Sequence[Change], around: int) -> Iterator[Row | int]:
    """The rows of a table of differences; of more equal lines than stand around changes, how many are left out.

    Args:
        around: equal lines that are shown before and behind a change.
    """
    marked = 0
    for place, change in enumerate(found):
        if change.is_equal:
            yield from _equal(first, change, around if place else 0, around if place < len(found) - 1 else 0)
            continue
        pairs = min(len(change.first), len(change.second))
        for left, right in zip(change.first, change.second, strict=False):
            marked += 1
            yield Row(left + 1, right + 1, *_pieces(first[left], second[right], marked <= _MOST_MARKED))
        for left in change.first[pairs:]:
            yield Row(left + 1, None, [(first[left], True)])
        for right in change.second[pairs:]:
            yield Row(None, right + 1, (), [(second[right], True)])


def _equal(first: Sequence[str], change: Change, behind: int, before: int) -> Iterator[Row | int]:
    lines = list(zip(change.first, change.second, strict=True))
    is_long = len(lines) > behind + before + 1
    for line in [*lines[:behind], None, *lines[len(lines) - before :]] if is_long else lines:
        if line is None:
            yield len(lines) - behind - before
        else:
            pieces = [(first[line[0]], False)]
            yield Row(line[0] + 1, line[1] + 1, pieces, pieces)


def _same(first: Sequence[str], second: Sequence[str]) -> int:
    """How many lines are equal at the beginning."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(first), len(second)))


def _stretches(first: Sequence[object], second: Sequence[object]) -> Iterator[Change]:
    from rapidfuzz.distance import Indel

    # numbers in place of lines: the library compares hashes
    numbers: dict[object, int] = {}
    ends = [[numbers.setdefault(line, len(numbers)) for line in lines] for lines in (first, second)]
    before: Change | None = None
    for code in Indel.opcodes(*ends):
        change = Change(code.tag == "equal", range(code.src_start, code.src_end), range(code.dest_start, code.dest_end))
        if before is not None and before.is_equal == change.is_equal:
            change = Change(
                change.is_equal, range(before.first.start, change.first.stop), range(before.second.start, change.second.stop)
            )
        elif before is not None:
            yield before
        before = change
    if before is not None:
        yield before


def _moved(change: Change, by: int) -> Change:
    first, second = change.first, change.second
    return Change(change.is_equal, range(first.start + by, first.stop + by), range(second.start + by, second.stop + by))


def _pieces(first: str, second: str, is_marked: bool) -> tuple[list[Piece], list[Piece]]:
    """Two lines that stand for each other, word by word where they are alike."""
    if not is_marked or max(len(first), len(second)) > _LONGEST_MARKED:
        return [(first, True)], [(second, True)]
    words = _WORD.findall(first), _WORD.findall(second)
    found = list(_stretches(*words))
    alike = sum(len(words[0][place]) for change in found if change.is_equal for place in change.first)
    if 2 * alike < _LEAST_ALIKE * (len(first) + len(second)):
        return [(first, True)], [(second, True)]
    left = [("".join(words[0][change.first.start : change.first.stop]), not change.is_equal) for change in found]
    right = [("".join(words[1][change.second.start : change.second.stop]), not change.is_equal) for change in found]
    return [piece for piece in left if piece[0]], [piece for piece in right if piece[0]]
