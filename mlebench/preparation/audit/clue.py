"""What a check says about the answers, before it is known what it buys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Guess:
    """Answers revealed by a leak; rows are those of `Truth`, in its order."""

    target: str | None
    """The `Target` that `values` are of; None if `values` are positions of rows of the truth whose whole answer is meant."""
    values: np.ndarray
    """Shape (rows,). Of a class target its names (text), of a number target float64, of a text target text; of whole rows int64.
    For a row without a guess: None (object arrays), NaN (floats), -1 (positions)."""

    @property
    def told(self) -> np.ndarray:
        """Which rows have a guess, shape (rows,), bool."""
        if self.target is None:
            chosen: np.ndarray = self.values >= 0
            return chosen
        if self.values.dtype.kind == "f":
            known: np.ndarray = ~np.isnan(self.values)
            return known
        return np.array([value is not None for value in self.values], dtype=bool)


@dataclass(frozen=True)
class Clue:
    """Something an agent sees that reveals answers."""

    check: str
    file: str
    what: str
    """One sentence with figures, such as `the EXIF tag ImageDescription equals the label of 24 of 24 test rows`."""
    guesses: tuple[Guess, ...] = ()
    """Several for several targets; empty if no submission can be made from it."""
    rows: int | None = None
    """Test rows it reveals; None: those in `guesses`, if any."""
