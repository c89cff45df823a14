"""Metrics of predicted orders."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence


def inversions(positions: Sequence[int]) -> int:
    """Number of pairs in the wrong order, which is also the number of adjacent swaps that sort the sequence.

    Args:
        positions: numbers that should ascend; equal ones are in order.

    Returns:
        0 to n(n - 1) / 2.
    """
    seen: list[int] = []
    count = 0
    for place, position in enumerate(positions):
        if not seen or position >= seen[-1]:
            seen.append(position)
            continue
        below = bisect_right(seen, position)
        count += place - below
        seen.insert(below, position)
    return count


def pooled_kendall_tau(orders: Iterable[Sequence[int]]) -> float:
    """Kendall's rank correlation, with pairs pooled over all sequences: 1 - 4·ΣS / Σn(n - 1), S the inversions of one.

    Args:
        orders: for each sequence the true places of its n items, in the predicted order.

    Returns:
        -1 (all reversed) to 1; 1 if no sequence has two items; higher is better.
        Definition: https://www.kaggle.com/competitions/AI4Code/overview/evaluation
    """
    swaps = pairs = 0
    for order in orders:
        swaps += inversions(order)
        pairs += len(order) * (len(order) - 1)
    return 1 - 4 * swaps / pairs if pairs else 1.0
