"""The nearest of many prints, without comparing all with all."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Prints = npt.NDArray[np.float16]

_BYTES = 8
_FARTHEST = 14
"""Bits of 64 in which near prints may differ."""
_ALL = 2_000_000_000
"""Comparisons up to which all prints are compared with all."""
_KEPT = 3
"""Neighbours of one print that are kept."""
_AT_ONCE = 4_000_000
_MOST_OF_A_KEY = 50_000_000
"""Pairs that one key may give; of more, those of the fullest keys are left out."""


def near_prints(
    wanted: Prints, offered: Prints, variants: int, turn: Callable[[Prints, int], Prints], least: float = 0.8
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The nearest of some prints to others, in any of several variants of these.

    Of very many, two prints are compared where two of the eight bytes of their bits are equal; a bit says whether a number is
    above its median.

    Args:
        wanted: shape (m, size).
        offered: shape (n, size).
        variants: how many.
        turn: makes a variant of `wanted`.
        least: correlation of near prints, each number in units of its spread.

    Returns:
        For each pair the position in `wanted`, in `offered`, and the variant; at most three pairs of each print wanted.
    """
    empty = np.zeros(0, np.int64)
    if not len(wanted) or not len(offered):
        return empty, empty, empty
    middle = np.median(offered[:: max(1, len(offered) // 50_000)].astype(np.float32), axis=0)
    spread = np.maximum(offered[:: max(1, len(offered) // 50_000)].astype(np.float32).std(axis=0), 1e-4)
    if len(wanted) * len(offered) * variants <= _ALL:
        pairs = [_all_near(turn(wanted, variant), offered, middle, spread, least, variant) for variant in range(variants)]
        return _best(*(np.concatenate(parts) for parts in zip(*pairs, strict=True)))
    theirs = _bits(offered, middle)
    mine = [_bits(turn(wanted, variant), middle) for variant in range(variants)]
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
    for first, second in itertools.combinations(range(_BYTES), 2):
        key = _key(theirs, first, second)
        order = np.argsort(key, kind="stable").astype(np.uint32)
        starts = np.searchsorted(key[order], np.arange(2**16 + 1))
        for variant in range(variants):
            for left, right in _pairs(_key(mine[variant], first, second), starts, order):
                close = np.bitwise_count(mine[variant][left] ^ theirs[right]) <= _FARTHEST if _COUNTS else None
                kept = np.flatnonzero(close if close is not None else _far(mine[variant][left], theirs[right]) <= _FARTHEST)
                if len(kept):
                    left, right = left[kept], right[kept]
                    alike = _alike(turn(wanted[left], variant), offered[right], middle, spread)
                    good = alike >= least
                    found.append((left[good], right[good], np.full(int(good.sum()), variant), alike[good]))
    if not found:
        return empty, empty, empty
    lefts, rights, turns, likeness = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _best(lefts, rights, turns, likeness)


_COUNTS = hasattr(np, "bitwise_count")
_ONES = np.array([bin(byte).count("1") for byte in range(256)], dtype=np.uint8)


def _far(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """In how many bits numbers differ; for numpy before 2.0."""
    apart: np.ndarray = _ONES[(one ^ other)[:, None].view(np.uint8)].sum(axis=1)
    return apart


def _bits(prints: Prints, middle: np.ndarray) -> np.ndarray:
    """Shape (prints,), uint64."""
    packed = np.packbits(prints.astype(np.float32)[:, :64] > middle[None, :64], axis=1)
    bits: np.ndarray = np.ascontiguousarray(packed).view(np.uint64).ravel()
    return bits


def _key(bits: np.ndarray, first: int, second: int) -> np.ndarray:
    parts = bits[:, None].view(np.uint8)
    key: np.ndarray = parts[:, first].astype(np.int64) << 8 | parts[:, second]
    return key


def _pairs(keys: np.ndarray, starts: np.ndarray, order: np.ndarray):  # type: ignore[no-untyped-def]
    """All pairs with equal keys, a bounded number at once."""
    count = starts[keys + 1] - starts[keys]
    if count.sum() > _MOST_OF_A_KEY:
        fullest = np.argsort(count)[::-1]
        over = np.cumsum(count[fullest][::-1])[::-1]
        count[fullest[over > _MOST_OF_A_KEY]] = 0
    ends = np.cumsum(count)
    place = 0
    while place < len(keys):
        base = ends[place - 1] if place else 0
        end = max(place + 1, int(np.searchsorted(ends, base + _AT_ONCE, side="right")))
        part = count[place:end]
        left = np.repeat(np.arange(place, end), part)
        step = np.arange(len(left)) - np.repeat(np.cumsum(part) - part, part)
        yield left, order[starts[keys[left]] + step].astype(np.int64)
        place = end


def _alike(one: Prints, other: Prints, middle: np.ndarray, spread: np.ndarray) -> np.ndarray:
    left, right = (one.astype(np.float32) - middle) / spread, (other.astype(np.float32) - middle) / spread
    size = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    alike: np.ndarray = (left * right).sum(axis=1) / np.maximum(size, 1e-6)
    return alike


def _all_near(
    wanted: Prints, offered: Prints, middle: np.ndarray, spread: np.ndarray, least: float, variant: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All near pairs, by comparing all: positions, the variant, and how alike they are."""
    mine, theirs = _scaled(wanted, middle, spread), _scaled(offered, middle, spread)
    step = max(1, _AT_ONCE // len(theirs))
    left, right, alike = [], [], []
    for start in range(0, len(mine), step):
        shared = mine[start : start + step] @ theirs.T
        row, column = np.nonzero(shared >= least)
        left.append(row + start)
        right.append(column)
        alike.append(shared[row, column])
    places = np.concatenate(left)
    return places, np.concatenate(right), np.full(len(places), variant), np.concatenate(alike)


def _scaled(prints: Prints, middle: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Numbers in units of their spread, each print of length 1."""
    scaled = (prints.astype(np.float32) - middle) / spread
    lengths: np.ndarray = scaled / np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-6)
    return lengths


def _best(
    left: np.ndarray, right: np.ndarray, variant: np.ndarray, alike: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The most alike pairs of each wanted print, no pair twice."""
    order = np.lexsort((-alike, right, left))
    left, right, variant, alike = left[order], right[order], variant[order], alike[order]
    new = np.ones(len(left), dtype=bool)
    new[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
    left, right, variant, alike = left[new], right[new], variant[new], alike[new]
    order = np.lexsort((-alike, left))
    left, right, variant = left[order], right[order], variant[order]
    first = np.searchsorted(left, left)
    kept = np.arange(len(left)) - first < _KEPT
    return left[kept], right[kept], variant[kept]
