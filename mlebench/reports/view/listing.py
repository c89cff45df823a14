"""Long lists: filtered, sorted and cut into pages by what the address says, so that a link shows others the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Generic, NamedTuple, TypeVar

from grading.wording import counted
from mlebench.reports.components import ChoiceField, TextField, filter_form, note, pager
from mlebench.reports.markup import Html
from mlebench.reports.view.view import Query

Row = TypeVar("Row")
_LONGEST_WORD = 200
_MOST_DIGITS = 9


@dataclass(frozen=True)
class Asked:
    """What an address asks of a list."""

    words: Mapping[str, str]
    """Filters and `sort`; without those that the list does not know, and empty ones."""
    names: frozenset[str]
    """Of the filters that there are."""
    address: Callable[..., str]
    """Makes the list's address of the words of a query."""
    page: int = 1
    page_word: str = "page"
    anchor: str = ""
    """Of the section that its links lead to."""

    @classmethod
    def of(
        cls, query: Query, names: Sequence[str], address: Callable[..., str], page_word: str = "page", anchor: str = ""
    ) -> Asked:
        """What a query asks for.

        Args:
            query: as somebody gave it.
            names: of the filters.
            address: makes the list's address of the words of a query.
            page_word: says which page.
            anchor: of the section that links lead to.
        """
        words = {name: word for name in (*names, "sort") if (word := query.get(name, "").strip()[:_LONGEST_WORD])}
        number = query.get(page_word, "")
        page = max(1, int(number)) if re.fullmatch(f"[0-9]{{1,{_MOST_DIGITS}}}", number) else 1
        return cls(words, frozenset(names), address, page, page_word, f"#{anchor}" if anchor else "")

    def __getitem__(self, name: str) -> str:
        return self.words.get(name, "")

    @property
    def is_filtered(self) -> bool:
        """Whether a part of the list is left out."""
        return not self.names.isdisjoint(self.words)

    def link(self, **changes: str | int | None) -> str:
        """The address of the same list with some words changed, from its first page on."""
        return self.address(**{**self.words, **changes}) + self.anchor

    def page_link(self, number: int) -> str:
        """The address of another page of the list."""
        return self.link(**{self.page_word: number})


class Field(NamedTuple):
    """One field of a row, as HTML."""

    html: str
    css: str = ""


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column of a list."""

    title: str
    show: Callable[[Row], Field]
    name: str = ""
    """In `sort`; empty if nothing is sorted by it."""
    key: Callable[[Row], float | str | None] = lambda row: None
    """What rows are sorted by; None for unknown, which is last in either direction."""
    down: bool = True
    """Whether the first click puts the largest first."""
    text: bool = False
    """Left-aligned."""


def sort_rows(rows: Iterable[Row], columns: Sequence[Column[Row]], sort: str) -> list[Row]:
    """The rows in the order that `sort` names, such as `usd`, or `-usd` for the largest first; else as they come."""
    listed = list(rows)
    column = next((entry for entry in columns if entry.name and entry.name == sort.removeprefix("-")), None)
    if column is None:
        return listed
    known = [(_comparable(key), row) for row in listed if (key := column.key(row)) is not None]
    known.sort(key=lambda entry: entry[0], reverse=sort.startswith("-"))
    return [*(row for _, row in known), *(row for row in listed if column.key(row) is None)]


def _comparable(key: float | str) -> tuple[float, list[tuple[str, int]]]:
    """Texts without case, and numbers within them by value."""
    if not isinstance(key, str):
        return key, []
    parts = re.findall(r"(\D*)(\d*)", key.casefold())
    return 0.0, [(text, int(digits[:_MOST_DIGITS] or 0)) for text, digits in parts]


def page_of(rows: Sequence[Row], asked: Asked, size: int) -> Sequence[Row]:
    """The rows of the page that is asked for; the last one where there are fewer."""
    first = size * (min(asked.page, _pages(len(rows), size)) - 1)
    return rows[first : first + size]


def list_table(
    caption: str,
    columns: Sequence[Column[Row]],
    rows: Iterable[Row],
    asked: Asked,
    *,
    css: str = "",
    below: Callable[[Row], str] = lambda row: "",
) -> str:
    """A table that becomes a list of cards where it is too wide; its headings sort the whole list, not this page alone.

    Args:
        caption: what it lists, for those who do not see it.
        columns: the first one's field is the heading of a card.
        rows: of this page, in their order.
        css: classes of the table.
        below: what is said of a row across all columns, as HTML; empty for nothing.
    """
    heads = "".join(_head(column, asked) for column in columns)
    lines = "\n".join(_row(columns, row, below(row)) for row in rows)
    # roles, as a browser takes a table that is shown as cards for none
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table class="cards-when-narrow {css}" role="table"><caption class="unseen">{escape(caption)}</caption>'
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead><tbody role="rowgroup">\n{lines}\n</tbody></table></div>'
    )


def _row(columns: Sequence[Column[Row]], row: Row, below: str) -> str:
    first, *others = columns
    fields = _cell(first, row, "card-title") + "".join(_cell(column, row) for column in others)
    if not below:
        return f'<tr role="row">{fields}</tr>'
    said = f'<td role="cell" colspan="{len(columns)}">{below}</td>'
    return f'<tr role="row" class="has-below">{fields}</tr><tr role="row" class="below">{said}</tr>'


def _head(column: Column[Row], asked: Asked) -> str:
    css = ' class="text"' if column.text else ""
    if not column.name:
        return f'<th scope="col" role="columnheader"{css}>{escape(column.title)}</th>'
    sort = asked["sort"]
    order = {column.name: "ascending", f"-{column.name}": "descending"}.get(sort)
    first, second = (f"-{column.name}", column.name) if column.down else (column.name, f"-{column.name}")
    address = escape(asked.link(sort=second if sort == first else first))
    said = f' aria-sort="{order}"' if order else ""
    return f'<th scope="col" role="columnheader"{css}{said}><a class="sort" href="{address}">{escape(column.title)}</a></th>'


def _cell(column: Column[Row], row: Row, extra: str = "") -> str:
    field = column.show(row)
    classes = " ".join(filter(None, ("text" if column.text else "", extra, field.css)))
    css = f' class="{classes}"' if classes else ""
    return f'<td role="cell" data-label="{escape(column.title)}"{css}>{field.html}</td>'


def pages_nav(total: int, asked: Asked, size: int, noun: str) -> Html:
    """Which rows these are of how many, with links to the other pages."""
    pages = _pages(total, size)
    if pages == 1:
        return note(counted(total, noun))
    here = min(asked.page, pages)
    first, last = size * (here - 1) + 1, min(size * here, total)
    about = f"{first:,}–{last:,} of {counted(total, noun)}"
    return pager(here, pages, asked.page_link, about=about, label=f"Pages of {noun}s")


def _pages(total: int, size: int) -> int:
    return max(1, -(-total // size))


def list_form(fields: Sequence[TextField | ChoiceField], asked: Asked, label: str) -> Html:
    """A form that asks for a part of the list, and keeps its order.

    Args:
        label: what is filtered, such as `Filter groups`.
    """
    kept = {"sort": asked["sort"]} if asked["sort"] else {}
    clear = asked.address() if asked.is_filtered else ""
    return filter_form(fields, action=asked.address(), label=label, button="Filter", kept=kept, clear=clear)


def text_field(asked: Asked, name: str, label: str, known: Sequence[str]) -> TextField:
    """A text field that suggests what there is; a part of a word is enough."""
    return TextField(name, label, asked[name], known)


def choice_field(asked: Asked, name: str, label: str, options: Mapping[str, Mapping[str, str]]) -> ChoiceField:
    """A choice that may be left open.

    Args:
        options: words by value, by the heading of their group, empty for none.
    """
    open_and_others = {"": {"": "any", **options.get("", {})}}
    return ChoiceField(name, label, {**open_and_others, **{key: found for key, found in options.items() if key}}, asked[name])
