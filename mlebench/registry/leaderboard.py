"""Leaderboards: one row for each team, best first, with a column `score`."""

from __future__ import annotations

import csv
import re
from pathlib import Path

_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


def plain_scores(path: Path) -> list[float] | None:
    """The scores of a leaderboard that is plain enough to be read without pandas, which takes long to import.

    Returns:
        None for a file in which anything is out of the ordinary; pandas says what it holds, or what is wrong with it.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file, strict=True)
    except (ValueError, csv.Error):
        return None
    if header.count("score") != 1 or any(len(row) != len(header) for row in rows):
        return None
    cells = [row[header.index("score")] for row in rows]
    return [float(cell) for cell in cells] if all(map(_PLAIN_NUMBER.fullmatch, cells)) else None
