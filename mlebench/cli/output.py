"""What commands print: JSON documents and tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH_OF_PIPES = 200


def print_json(document: Any) -> None:
    """Print one JSON document to stdout; NaN and infinity are errors, as other readers refuse them."""
    print(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Print a table for people to stdout; cells are plain text, numbers stand right."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title) if title else None, title_justify="left", header_style="bold")
    content = list(rows)
    for position, name in enumerate(columns):
        numeric = any(isinstance(row[position], int | float) for row in content)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in content:
        table.add_row(*(Text(cell_text(value)) for value in row))
    wide_console().print(table)


def wide_console() -> Console:
    """Standard output; a pipe or a file, which has no width to fit into, gets wide lines."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH_OF_PIPES
    return console


def cell_text(value: object) -> str:
    """A value as a cell of a table shows it."""
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)
