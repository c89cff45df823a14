"""Tables that fit every terminal: without room for all columns, rows become blocks of `column: value` or columns are left out."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

_SHORT, _LONG = 16, 28
"""A column of up to so many characters is never folded, and a longer one is not narrower; words longer than `_LONG` are cut."""
_NOTHING = ("", "–")
_INDENT = 2


class FittingTable(Table):
    """A `rich` table that becomes blocks where the console is too narrow for it; no column is left without width."""

    def __init__(self, *args: Any, order: Sequence[str] | None = None, **kwargs: Any) -> None:
        """Args:
        order: where given, a row stays a row, and the columns that have no room are left out; these have room first.
        """
        super().__init__(*args, **kwargs)
        self._order = order

    def shown(self, width: int) -> list[str]:
        """The columns that a console of this width shows."""
        if self._order is None:
            return [_plain(column.header) for column in self.columns]
        return [_plain(column.header) for column in self._that_fit(width, self._order)]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._order is not None:
            fitting = copy.copy(self)
            columns = self._that_fit(options.max_width, self._order)
            fitting.columns = [replace(column, _index=place) for place, column in enumerate(columns)]
            yield from Table.__rich_console__(fitting, console, options)
        elif self._needed_width() <= options.max_width:
            yield from super().__rich_console__(console, options)
        else:
            yield from self._blocks(options.max_width)

    def _needed_width(self) -> int:
        frame = len(self.columns) + 1 if self.box else 0
        return frame + sum(map(_with_padding, self.columns))

    def _that_fit(self, width: int, order: Sequence[str]) -> list[Column]:
        by_name = {_plain(column.header): column for column in self.columns}
        kept: list[str] = []
        room = width - 1
        for name in dict.fromkeys([*(name for name in order if name in by_name), *by_name]):
            if not kept or _with_padding(by_name[name]) + 1 <= room:
                kept.append(name)
                room -= _with_padding(by_name[name]) + 1
        return [column for name, column in by_name.items() if name in kept]

    def _blocks(self, width: int) -> Iterator[Text | Padding]:
        if self.title:
            yield _styled(self.title, "italic")
        names = [_plain(column.header) for column in self.columns]
        for place in range(self.row_count):
            first, *values = [_text(column._cells[place]) for column in self.columns]
            first.stylize("bold")
            if len(values) == 1:
                yield Text.assemble(first, ": ", *values)
                continue
            yield first
            pairs = [_pair(name, value) for name, value in zip(names[1:], values, strict=True) if value.plain not in _NOTHING]
            for line in _lines(pairs, width - _INDENT):
                yield Padding(line, (0, 0, 0, _INDENT), expand=False)
        if self.caption:
            yield _styled(self.caption, "dim")


def _with_padding(column: Column) -> int:
    return _needed_by(column) + 2


def _needed_by(column: Column) -> int:
    texts = [_plain(column.header), *map(_plain, column._cells)]
    widest = max((cell_len(line) for text in texts for line in text.splitlines()), default=0)
    if column.no_wrap or widest <= _SHORT:
        return widest
    longest_word = max((cell_len(word) for text in texts for word in text.split()), default=0)
    return min(widest, max(_SHORT, min(longest_word, _LONG)))


def _pair(name: str, value: Text) -> Text:
    return Text.assemble((f"{name}: ", "dim"), value) if name else value


def _lines(pairs: list[Text], width: int) -> Iterator[Text]:
    """Pairs side by side as far as they have room."""
    line: list[Text] = []
    for pair in pairs:
        if line and sum(each.cell_len + len(", ") for each in [*line, pair]) > width:
            yield Text(", ").join(line)
            line = []
        line.append(pair)
    if line:
        yield Text(", ").join(line)


def _text(cell: object) -> Text:
    text = cell.copy() if isinstance(cell, Text) else Text(str(cell))
    text.no_wrap, text.overflow = False, "fold"
    return text


def _plain(cell: object) -> str:
    return cell.plain if isinstance(cell, Text) else str(cell)


def _styled(cell: object, style: str) -> Text:
    text = _text(cell)
    text.stylize(style)
    return text
