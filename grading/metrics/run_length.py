"""Run-length encoded masks: the one codec, and set arithmetic on runs that never builds a mask.

An encoding is a list of `start length` pairs. Pixels are counted from 1, either column by column (order `"F"`, as in
NumPy) or row by row (`"C"`). Runs must be sorted by start, positive, disjoint (touching is allowed) and
inside the image. The empty string is the empty mask. Definition, for order `"F"`:
https://www.kaggle.com/c/tgs-salt-identification-challenge/overview/evaluation

Parsed runs are half-open intervals counted from 0, so that `sum(ends - starts)` is the area. Counting does not depend on the
pixel order; only `decode` and `encode` do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice, pairwise
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from grading.printable import printable
from grading.submission import InvalidSubmission
from grading.text_words import blocks_of, whole_numbers_of, words_of

IntArray = npt.NDArray[np.int64]
Order = Literal["F", "C"]

_DIGITS_AND_BLANKS = b"0123456789 \t\n\r\v\f"
_NOT_NUMERIC = re.compile(r"[^0-9 \t\n\r\v\f]")
_NUMBER = re.compile("[0-9]+")
_NEGATIVE = re.compile(r"-[0-9]+")
_BLOCK_CHARACTERS = 500_000
"""Cells are parsed in blocks of about this size: small enough for the cache, with bounded memory whatever the column holds."""
_BLOCK_RUNS = 50_000
_SHOWN = 40
"""Maximum characters of a number shown in a message."""
_LARGEST = 2**62
"""Sums of two numbers up to this do not overflow."""


class Runs(NamedTuple):
    """A mask as sorted, disjoint, half-open intervals `[starts[i], ends[i])` of pixel positions from 0; int64, shape (runs,)."""

    starts: IntArray
    ends: IntArray


def parse_runs(text: str, size: int) -> Runs:
    """Parse one encoding.

    Args:
        text: `start length` pairs separated by white space; blank for an empty mask.
        size: number of pixels of the image.

    Raises:
        InvalidSubmission: with the fault: odd count, not whole numbers, not positive, unsorted, overlapping, out of bounds.
    """
    (runs,) = parse_column([text], size)
    return runs


def parse_column(
    texts: Sequence[str], sizes: int | Sequence[int] | IntArray, names: Sequence[object] = (), *, cut: bool = False
) -> list[Runs]:
    """Parse many encodings at once; time and memory are linear in the characters.

    Args:
        texts: one encoding a row.
        sizes: number of pixels of each image, or one number for all.
        names: the name of each row in messages (its id); by default its number from 1.
        cut: cut runs at the last pixel instead of rejecting those that extend beyond it.

    Raises:
        InvalidSubmission: with one wrong row and its fault.
    """
    pixels = np.broadcast_to(np.asarray(sizes, dtype=np.int64), (len(texts),))
    masks: list[Runs] = []
    for first, last in blocks_of(texts, _BLOCK_CHARACTERS):
        try:
            masks.extend(_parse_block(texts[first:last], pixels[first:last], cut))
        except _WrongRow as error:
            row = first + error.row
            name = f"row {names[row]!r}: " if len(names) else f"row {row + 1}: " if len(texts) > 1 else ""
            raise InvalidSubmission(f"{name}run-length encoding {error.fault}") from None
    return masks


def area(runs: Runs) -> int:
    """Number of pixels of a mask."""
    return int((runs.ends - runs.starts).sum())


def overlap(runs_a: Runs, runs_b: Runs) -> int:
    """Number of pixels that two masks of one image share; O((a + b) log) in their runs."""
    return int(_shared(runs_a, runs_b).sum())


class PixelCounts(NamedTuple):
    """Numbers of pixels of pairs of masks, int64, shape (rows,) each."""

    first: IntArray
    second: IntArray
    shared: IntArray


def areas(masks: Sequence[Runs]) -> IntArray:
    """Number of pixels of each mask, shape (masks,)."""
    starts, ends = _concatenate(masks)
    return _sum_by_row(ends - starts, _bounds(masks))


def overlaps(masks_a: Sequence[Runs], masks_b: Sequence[Runs]) -> IntArray:
    """Number of pixels that the masks of each row share, shape (rows,)."""
    return count_pixels(masks_a, masks_b).shared


def count_pixels(masks_a: Sequence[Runs], masks_b: Sequence[Runs]) -> PixelCounts:
    """Areas and overlaps of the masks of each row, computed in few passes over all runs.

    Args:
        masks_a: one mask a row.
        masks_b: the same number; row `i` belongs to the same image as row `i` of `masks_a`.
    """
    if len(masks_a) != len(masks_b):
        raise ValueError(f"{len(masks_a)} masks against {len(masks_b)}")
    bounds_a, bounds_b = _bounds(masks_a), _bounds(masks_b)
    runs = bounds_a + bounds_b
    marks = np.searchsorted(runs, np.arange(0, runs[-1], _BLOCK_RUNS))
    rows = np.unique([0, *marks, len(masks_a)]).tolist()
    blocks = [
        _count_block(masks_a[first:last], masks_b[first:last], bounds_a[first : last + 1], bounds_b[first : last + 1])
        for first, last in pairwise(rows)
    ]
    return PixelCounts(*map(np.concatenate, zip(*blocks, strict=True))) if blocks else PixelCounts(*[runs[:0]] * 3)


def union(masks: Sequence[Runs]) -> Runs:
    """The union of several masks of one image; touching runs are joined."""
    starts, ends = _concatenate(masks)
    if not len(starts):
        return Runs(starts, ends)
    order = np.argsort(starts, kind="stable")
    starts, reached = starts[order], np.maximum.accumulate(ends[order])
    opens = np.concatenate([[True], starts[1:] > reached[:-1]])
    closes = np.concatenate([opens[1:], [True]])
    return Runs(starts[opens], reached[closes])


def decode(runs: Runs, shape: tuple[int, int], order: Order = "F") -> npt.NDArray[np.bool_]:
    """The mask of shape (height, width); ValueError if a run lies beyond it."""
    size = shape[0] * shape[1]
    if len(runs.ends) and runs.ends[-1] > size:
        raise ValueError(f"a run ends at pixel {runs.ends[-1]:,} of an image of {size:,}")
    # alternating empty and filled stretches
    edges = np.zeros(2 * len(runs.starts) + 2, dtype=np.int64)
    edges[1:-1:2], edges[2:-1:2], edges[-1] = runs.starts, runs.ends, size
    flat = np.repeat(np.arange(len(edges) - 1) % 2 == 1, np.diff(edges))
    return flat.reshape(shape, order=order)


def encode(mask: npt.NDArray[np.generic], order: Order = "F") -> str:
    """The encoding of a mask of any number of dimensions whose pixels are 0 or not; neighbouring pixels form one run."""
    return format_runs(runs_of(mask, order))


def runs_of(mask: npt.NDArray[np.generic], order: Order = "F") -> Runs:
    """The runs of a mask."""
    flat = np.asarray(mask).astype(bool).ravel(order=order)
    edges = np.flatnonzero(np.diff(flat, prepend=False, append=False))
    return Runs(edges[0::2].astype(np.int64), edges[1::2].astype(np.int64))


def format_runs(runs: Runs) -> str:
    """The text of parsed runs."""
    pairs = np.column_stack([runs.starts + 1, runs.ends - runs.starts])
    return " ".join(map(str, pairs.ravel().tolist()))


class _WrongRow(Exception):
    def __init__(self, row: int, fault: str) -> None:
        super().__init__(fault)
        self.row = row
        self.fault = fault


def _parse_block(texts: Sequence[str], sizes: IntArray, cut: bool) -> Iterator[Runs]:
    numbers, counts = _numbers(texts)
    odd = np.flatnonzero(counts % 2)
    if len(odd):
        raise _WrongRow(int(odd[0]), f"has an odd count of numbers ({counts[odd[0]]:,}); expected `start length` pairs")
    bounds = np.concatenate([[0], np.cumsum(counts // 2)])
    starts, lengths = numbers[0::2], numbers[1::2]
    places = np.arange(len(starts))
    if cut:
        rows = np.repeat(np.arange(len(texts)), counts // 2)
        inside = starts <= sizes[rows]
        rows, starts, places = rows[inside], starts[inside], places[inside]
        lengths = np.minimum(lengths[inside], sizes[rows] - starts + 1)
        bounds = np.searchsorted(rows, np.arange(len(texts) + 1))
    if not _are_right(starts, lengths, bounds, sizes):
        rows = np.repeat(np.arange(len(texts)), np.diff(bounds))
        raise _first_wrong(starts, lengths, rows, sizes, lambda run: _pair(texts, int(places[run])))
    starts = starts - 1
    ends = starts + lengths
    for first, last in pairwise(bounds.tolist()):
        yield Runs(starts[first:last], ends[first:last])


def _numbers(texts: Sequence[str]) -> tuple[IntArray, IntArray]:
    """All numbers of all texts, capped at the largest int64, and their count per text."""
    joined = " ".join(texts)
    if joined.encode("utf-8", errors="replace").translate(None, _DIGITS_AND_BLANKS):
        raise _first_not_numeric(texts)
    words = words_of(joined)
    if words is not None:
        return whole_numbers_of(words), words.by_text(texts)
    # one overlong text
    counts = np.fromiter((len(text.split()) for text in texts), dtype=np.int64, count=len(texts))
    # numpy rejects text without numbers
    return np.fromstring(joined, dtype=np.int64, sep=" ") if counts.any() else np.empty(0, dtype=np.int64), counts


def _are_right(starts: IntArray, lengths: IntArray, bounds: IntArray, sizes: IntArray) -> bool:
    if not len(starts):
        return True
    if min(starts.min(), lengths.min()) < 1 or max(starts.max(), lengths.max()) > _LARGEST:
        return False
    ends = starts + lengths
    gaps = starts[1:] >= ends[:-1]
    filled = np.flatnonzero(np.diff(bounds))
    gaps[bounds[filled[1:]] - 1] = True
    return bool(gaps.all()) and bool((ends[bounds[filled + 1] - 1] <= sizes[filled] + 1).all())


def _first_wrong(
    starts: IntArray, lengths: IntArray, rows: IntArray, sizes: IntArray, written: Callable[[int], str]
) -> _WrongRow:
    pixels = sizes[rows]
    wrong = (starts < 1) | (lengths < 1) | (starts > pixels)
    wrong |= lengths > pixels - starts + 1
    # sums of in-bounds numbers cannot overflow; the others are already marked
    wrong[1:] |= (rows[1:] == rows[:-1]) & (starts[1:] < starts[:-1] + np.minimum(lengths[:-1], pixels[:-1]))
    run = int(np.argmax(wrong))
    return _WrongRow(int(rows[run]), _fault(starts, lengths, run, int(pixels[run]), written))


def _fault(starts: IntArray, lengths: IntArray, run: int, pixels: int, written: Callable[[int], str]) -> str:
    start, length = int(starts[run]), int(lengths[run])
    pair = written(run)
    if start < 1 or length < 1:
        return f"holds {pair}; starts count from 1 and lengths are positive"
    if start > pixels or length > pixels - start + 1:
        return f"holds {pair}, which extends beyond the last pixel of the image"
    before = int(starts[run - 1])
    if start < before:
        return f"is not sorted: start {start} comes after {before}"
    return f"overlaps itself: {pair} begins inside the previous run, {written(run - 1)}"


def _pair(texts: Sequence[str], place: int) -> str:
    """A pair of numbers as written, looked up by its index."""
    numbers = chain.from_iterable(_NUMBER.finditer(text) for text in texts)
    pair = islice(numbers, 2 * place, 2 * place + 2)
    return f"`{' '.join(printable(number.group(), _SHOWN) for number in pair)}`"


def _first_not_numeric(texts: Sequence[str]) -> _WrongRow:
    row, text = next((row, text) for row, text in enumerate(texts) if _NOT_NUMERIC.search(text))
    token = next((token for token in text.split() if _NOT_NUMERIC.search(token)), text)
    if _NEGATIVE.fullmatch(token):
        expected = "starts count from 1 and lengths are positive"
    else:
        expected = "expected whole numbers separated by spaces"
    return _WrongRow(row, f"holds '{printable(token, _SHOWN)}'; {expected}")


def _shared(runs_a: Runs, runs_b: Runs) -> IntArray:
    """Pixels of B in each run of A."""
    if not len(runs_b.starts):
        return np.zeros(len(runs_a.starts), dtype=np.int64)
    # the count of B's pixels before a position grows by 1 per pixel inside runs and is constant between them
    covered = np.repeat(np.concatenate([[0.0], np.cumsum(runs_b.ends - runs_b.starts)]), 2)[1:-1]
    before = np.interp(_edges(runs_a), _edges(runs_b), covered)
    return np.asarray((before[1::2] - before[0::2]).astype(np.int64))


def _edges(runs: Runs) -> npt.NDArray[np.float64]:
    edges = np.empty(2 * len(runs.starts))
    edges[0::2], edges[1::2] = runs
    return edges


def _count_block(masks_a: Sequence[Runs], masks_b: Sequence[Runs], bounds_a: IntArray, bounds_b: IntArray) -> PixelCounts:
    bounds_a, bounds_b = bounds_a - bounds_a[0], bounds_b - bounds_b[0]
    runs_a, runs_b = _concatenate(masks_a), _concatenate(masks_b)
    extents = np.maximum(_last_ends(runs_a, bounds_a), _last_ends(runs_b, bounds_b))
    # laid end to end, the images become one long image in which rows cannot meet
    offsets = np.cumsum(extents) - extents
    shared = _shared(_shift(runs_a, offsets, bounds_a), _shift(runs_b, offsets, bounds_b))
    return PixelCounts(
        _sum_by_row(runs_a.ends - runs_a.starts, bounds_a),
        _sum_by_row(runs_b.ends - runs_b.starts, bounds_b),
        _sum_by_row(shared, bounds_a),
    )


def _last_ends(runs: Runs, bounds: IntArray) -> IntArray:
    ends = np.append(runs.ends, 0)
    return np.where(bounds[1:] > bounds[:-1], ends[bounds[1:] - 1], 0)


def _shift(runs: Runs, offsets: IntArray, bounds: IntArray) -> Runs:
    shift = np.repeat(offsets, np.diff(bounds))
    return Runs(runs.starts + shift, runs.ends + shift)


def _concatenate(masks: Sequence[Runs]) -> Runs:
    if not len(masks):
        return Runs(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    return Runs(np.concatenate([mask.starts for mask in masks]), np.concatenate([mask.ends for mask in masks]))


def _bounds(masks: Sequence[Runs]) -> IntArray:
    """The index of each row's first run among all runs, followed by their total."""
    return np.cumsum([0, *map(_count, masks)], dtype=np.int64)


def _count(mask: Runs) -> int:
    return len(mask.starts)


def _sum_by_row(values: IntArray, bounds: IntArray) -> IntArray:
    total = np.concatenate([[0], np.cumsum(values)])
    return np.asarray(total[bounds[1:]] - total[bounds[:-1]])
