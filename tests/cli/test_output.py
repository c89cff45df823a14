"""Tables look the same however they are laid out."""

from __future__ import annotations

import random

import pytest
from rich.table import Table
from rich.text import Text

from mlebench._support.terminal import make_console
from mlebench.cli.output import cell_text, print_table

WORDS = (
    "",
    " ",
    "a",
    "two words",
    " led",
    "trailing  ",
    "tab\there",
    "line\nbreak",
    "[bold]x[/]",
    "漢字",
    "e\u0301",
    "🙂",
    "–",
    "\x1b[31m",
)


def row_by_row(columns: list[str], rows: list[list[object]]) -> None:
    """What `print_table` shows, each row laid out for itself."""
    table = Table(title_justify="left", header_style="bold")
    for position, name in enumerate(columns):
        numeric = any(isinstance(row[position], int | float) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell_text(value)) for value in row))
    make_console().print(table)


@pytest.mark.parametrize("seed", range(60))
def test_a_table_is_that_of_its_rows(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    draw = random.Random(seed)
    columns = [draw.choice(WORDS[2:]) for _ in range(draw.randrange(1, 6))]

    def cell() -> object:
        word = "".join(draw.choice(WORDS) for _ in range(draw.choice((1, 1, 3, 30))))
        return draw.choice((None, draw.randrange(10**6), draw.random(), True, word))

    rows = [[cell() for _ in columns] for _ in range(draw.randrange(6))]
    row_by_row(columns, rows)
    expected = capsys.readouterr().out
    print_table(columns, rows)
    assert capsys.readouterr().out == expected
