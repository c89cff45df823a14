"""Small pieces that the pages of conversations and code are made of; every text is escaped here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

_NEAR = 2
"""So many pages on either side of the one shown have links of their own."""


def link(address: str, label: str, css: str = "") -> str:
    """A link; the label alone where there is no address."""
    about = f' class="{css}"' if css else ""
    return f'<a href="{escape(address)}"{about}>{escape(label)}</a>' if address else escape(label)


def note(text: str) -> str:
    """A remark in small words."""
    return f'<p class="note">{escape(text)}</p>'


def warning(text: str) -> str:
    """A remark that must not be missed."""
    return f'<p class="warning">{escape(text)}</p>'


def fold(summary: str, body: str, *, name: str, css: str = "", is_open: bool = False) -> str:
    """A part that opens on a click.

    Args:
        summary: HTML.
        body: HTML.
        name: its id, by which the live page keeps it open when it is drawn again.
    """
    about = f' class="{css}"' if css else ""
    return f'<details id="{escape(name)}"{about}{" open" if is_open else ""}><summary>{summary}</summary>{body}</details>'


def pager(page: int, pages: int, address: Callable[[int], str]) -> str:
    """Links to the other pages of a long list; empty where there is but one.

    Args:
        page: the one shown, from 1.
        address: of a page by its number.
    """
    if pages <= 1:
        return ""
    near = sorted({1, pages, *range(max(1, page - _NEAR), min(pages, page + _NEAR) + 1)})
    entries = []
    for before, number in zip([0, *near], near, strict=False):
        gap = "<span>…</span>" if number > before + 1 else ""
        here = f'<a aria-current="page">{number:,}</a>'
        entries.append(gap + (here if number == page else link(address(number), f"{number:,}")))
    earlier = link(address(page - 1), "‹ Previous") if page > 1 else ""
    later = link(address(page + 1), "Next ›") if page < pages else ""
    return f'<nav class="pager" aria-label="Pages">{earlier}{"".join(entries)}{later}</nav>'


def cards(entries: Iterable[tuple[str, str, str]]) -> str:
    """Figures in boxes side by side, each with its title and a remark."""
    boxes = (
        f"<li>{escape(title)}<strong>{escape(figure)}</strong><small>{escape(more)}</small></li>"
        for title, figure, more in entries
    )
    return f'<ul class="cards">{"".join(boxes)}</ul>'


def choice(name: str, label: str, options: Sequence[tuple[str, str]], chosen: str) -> str:
    """A choice of one in a form.

    Args:
        options: value and words.
    """
    shown = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(words)}</option>'
        for value, words in options
    )
    return f'<label>{escape(label)} <select name="{escape(name)}">{shown}</select></label>'


def form(action: str, label: str, fields: Sequence[str], button: str = "Show") -> str:
    """A form that asks for a page by its address, without a script.

    Args:
        action: address of the page, without a query.
        label: what a screen reader calls the form.
        fields: HTML.
    """
    opening = f'<form class="filter" method="get" action="{escape(action)}" aria-label="{escape(label)}">'
    return f"{opening}{''.join(fields)}<button>{escape(button)}</button></form>"
