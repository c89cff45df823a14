"""How likely it is that written values agree with the answers by chance."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from mlebench.evidence.review.held_out import HeldOut, Row

MOST_CHANCE = math.log(1e-9)
"""Logarithm of the probability above which agreement means nothing; small, because many constants are compared."""


def log_chance(agreeing: int, of: int, share: float) -> float:
    """An upper bound on the log-probability of at least this many agreements (Chernoff's bound).

    Args:
        agreeing: how many agree.
        of: how many were compared.
        share: chance of one agreement, between 0 and 1.
    """
    if not of or agreeing <= share * of:
        return 0.0
    found = agreeing / of
    share = min(max(share, 1e-6), 1 - 1e-9)
    rest = 0.0 if found >= 1 else (1 - found) * math.log((1 - found) / (1 - share))
    return -of * (found * math.log(found / share) + rest)


def agreeing_values(values: Sequence[str], known: HeldOut) -> tuple[int, int, float]:
    """How many of some values, in test order, equal the answers of a column, for the column with most matches.

    Returns:
        how many agree, how many were compared, and the chance of one agreement.
    """
    best = (0, 0, 1.0)
    if known.answers is None or len(values) > len(known.ids):
        return best
    truth = [known.answers.get(name) for name in known.ids]
    for column in range(len(known.columns)):
        pairs = [(value, row[column]) for value, row in zip(values, truth, strict=False) if row is not None]
        agreeing = sum(value == answer for value, answer in pairs)
        share = max(known.shares[column].values(), default=1.0)
        if log_chance(agreeing, len(pairs), share) < log_chance(*best):
            best = (agreeing, len(pairs), share)
    return best


def agreeing_rows(rows: Mapping[str, Row], known: HeldOut) -> tuple[int, int, float]:
    """The same for rows by id; for a table with several columns, for whole rows."""
    if known.answers is None:
        return 0, 0, 1.0
    pairs = [(row, known.answers[name]) for name, row in rows.items() if row and name in known.answers]
    if not pairs:
        return 0, 0, 1.0
    if known.classes and all(len(row) == 1 for row, _ in pairs):
        named = [(row[0], known.classes[name]) for name, row in rows.items() if row and name in known.classes]
        common = max(Counter(known.classes.values()).values()) / len(known.classes)
        return sum(cell in words for cell, words in named), len(named), min(0.99, common)
    width = len(known.columns)
    if width > 1 and all(len(row) == width for row, _ in pairs):
        common = max((sum(other == row for _, other in pairs) for row in {answer for _, answer in pairs[:50]}), default=0)
        return sum(row == answer for row, answer in pairs), len(pairs), min(0.99, max(common / len(pairs), 0.05))
    best = (0, len(pairs), 1.0)
    for column in range(width):
        for place in range(min(3, min(len(row) for row, _ in pairs))):
            agreeing = sum(row[place] == answer[column] for row, answer in pairs)
            share = max(known.shares[column].values(), default=1.0)
            if log_chance(agreeing, len(pairs), share) < log_chance(*best):
                best = (agreeing, len(pairs), share)
    return best


def agreeing_ids(names: Sequence[str], known: HeldOut) -> tuple[int, int, float]:
    """How many of some ids have the same answer, as a list of all that are positive has."""
    best = (0, 0, 1.0)
    if known.answers is None:
        return best
    rows = [known.answers[name] for name in names if name in known.answers]
    for column in range(len(known.columns)):
        cells = [row[column] for row in rows]
        for value in set(cells[:50]):
            found = (cells.count(value), len(cells), known.shares[column].get(value, 0.0))
            if log_chance(*found) < log_chance(*best):
                best = found
    return best
