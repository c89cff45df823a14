"""What commands print: JSON documents and tables."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
"""Of an agent's output; everything else that a terminal would obey is shown escaped."""
_FRAME = 3
"""Characters of a line for the frame of each cell."""


def print_json(document: Any) -> None:
    """Print one JSON document to stdout; NaN and infinity are errors, as other readers refuse them."""
    from mlebench._support.files import json_text
    from mlebench._support.terminal import encodes_all

    print(json_text(document, ascii_only=not encodes_all(sys.stdout)))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None, order: Sequence[str] | None = None
) -> list[str]:
    """Print a table for people to stdout; cells are plain text, numbers are aligned right.

    Args:
        columns: their names.
        rows: one cell for each column.
        title: is printed above the table.
        order: as for `FittingTable`: columns without room are left out, and these have room first.

    Returns:
        The columns shown.
    """
    from rich.cells import cell_len
    from rich.text import Text

    from mlebench._support.tables import FittingTable
    from mlebench._support.terminal import make_console

    heading = Text(cell_text(title)) if title else None
    table = FittingTable(title=heading, title_justify="left", header_style="bold", order=order)
    content = list(rows)
    for position, name in enumerate(columns):
        numeric = any(isinstance(row[position], int | float) for row in content)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    texts = [[cell_text(value) for value in row] for row in content]
    console = make_console()
    widths = [max(map(cell_len, column)) for column in zip(columns, *texts, strict=True)]
    if texts and sum(widths) + _FRAME * len(widths) < console.width:
        # nothing is folded, so one row of many lines looks like many rows, and renders in a fraction of the time
        texts = [["\n".join(column) for column in zip(*texts, strict=True)]]
    for cells in texts:
        table.add_row(*map(Text, cells))
    console.print(table)
    return table.shown(console.width)


def print_wrapped(text: str, indent: int = 0) -> None:
    """Print a paragraph for people to stdout, in lines that fit the terminal; `indent` is that of the first line."""
    import textwrap

    from mlebench._support.terminal import make_console

    first, others = " " * indent, " " * (indent + 4)
    for line in textwrap.wrap(text, make_console().width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False):
        print(line)


def cell_text(value: object) -> str:
    """A value as a cell of a table shows it, on one line."""
    from grading.printable import printable

    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else printable(str(value), None)
