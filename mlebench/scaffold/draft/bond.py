"""Rows that a split must not part, or must part in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Bond:
    """Why rows belong together.

    Attributes:
        kind: `group` (patient, site, author), `copies` (near-duplicates), or `time` (the test is what comes later).
        column: the column whose values bind, a column of the table of labelled rows.
        separator: what divides a cell of `column` into the part that binds and the rest (`0001_02`); None for whole cells.
        part: which of the parts binds, counted from 0.
        why: one sentence with figures.
        sets: of copies that no cell names, the values of `column` of rows that belong together, set by set; empty if equal cells
            bind. Where no column names its rows, `column` is empty and the values are numbers of rows, counted from 0.
    """

    kind: Literal["group", "copies", "time"]
    column: str
    why: str
    separator: str | None = None
    part: int = 0
    sets: tuple[tuple[str, ...], ...] = ()
