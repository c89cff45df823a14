"""The smaller pieces of pages: cards, marks of states, bars of progress, moments, forms and pagers; every text is escaped here.

None needs a script, an inline style or an inline handler: the live page's policy forbids them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import NamedTuple

from mlebench.reports.markup import Html, html_of

_SIGNS: Mapping[str, str] = {
    "queued": "◷",
    "pending": "◷",
    "starting": "◌",
    "running": "▶",
    "grading": "✎",
    "paused": "‖",
    "finished": "✓",
    "done": "✓",
    "valid": "✓",
    "failed": "✗",
    "invalid": "✗",
    "unreadable": "✗",
    "infrastructure": "⚡",
    "timed-out": "⏱",
    "missing": "∅",
    "cancelled": "⊘",
    "interrupted": "⊘",
}
"""Of states, phases and outcomes: a sign tells them apart for eyes that tell no colours."""
_NEAR = 2
"""So many pages on either side of the one shown have links of their own."""


class Card(NamedTuple):
    """One figure that is meant to be seen first."""

    title: str
    figure: object
    notes: Sequence[object] = ()
    """A line each."""
    address: str = ""
    """Where the title leads; empty for nowhere."""


class SearchField(NamedTuple):
    """A field of free text in a form."""

    name: str
    label: str
    value: str = ""


class ChoiceField(NamedTuple):
    """A choice of one in a form."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    """Value and words; an empty value stands for no choice."""
    value: str = ""


def cards(entries: Iterable[Card]) -> Html:
    """Figures in boxes side by side."""
    return Html(f'<ul class="cards">{"".join(map(_card, entries))}</ul>')


def _card(card: Card) -> str:
    title = f'<a href="{escape(card.address)}">{escape(card.title)}</a>' if card.address else escape(card.title)
    notes = f"<small>{'<br>'.join(map(html_of, card.notes))}</small>" if card.notes else ""
    return f"<li>{title}<strong>{html_of(card.figure)}</strong>{notes}</li>"


def state_mark(state: str, words: str = "", *, tooltip: str = "") -> Html:
    """A state, phase or outcome: its sign, its words, its colour.

    Args:
        state: such as `running`, `timed-out` or `invalid`; one without a sign is shown by its words alone.
        words: what is written; by default the state.
    """
    sign = f'<i aria-hidden="true">{_SIGNS[state]}</i>' if state in _SIGNS else ""
    css = f"state {state}" if state in _SIGNS else "state"
    about = f' title="{escape(tooltip)}"' if tooltip else ""
    return Html(f'<span class="{css}"{about}>{sign}{escape(words or state)}</span>')


def medal_mark(medal: str) -> Html:
    """A medal: `gold`, `silver` or `bronze`, by its letter and its colour."""
    return Html(f'<b class="mark {escape(medal)}" title="{escape(medal)}">{escape(medal[:1].upper())}</b>')


def progress_bar(done: float, total: float, words: str = "") -> Html:
    """How much of a whole is done, with what is written beside it, such as `12 of 225`."""
    value = min(max(done / total, 0.0), 1.0) if total else 0.0
    written = escape(words or f"{done:,.0f} of {total:,.0f}")
    return Html(
        f'<span class="progress"><progress max="1" value="{value:.4f}" aria-label="{written}"></progress> {written}</span>'
    )


def share_bar(parts: Sequence[tuple[str, int]], total: int, words: str) -> Html:
    """A bar of parts, each as wide as its share; the rest stays empty.

    Args:
        parts: name and count; a name is a state, or a medal, and chooses the colour.
        words: what a reader who sees no bar is told.
    """
    width, place = 1000, 0.0
    rects = []
    for name, count in parts:
        share = width * count / total if total else 0.0
        if share:
            rects.append(
                f'<rect class="{escape(name)}" x="{place:.1f}" width="{share:.1f}" height="10">'
                f"<title>{escape(name)}: {count:,}</title></rect>"
            )
        place += share
    return Html(
        f'<svg class="shares" viewBox="0 0 {width} 10" preserveAspectRatio="none" role="img" aria-label="{escape(words)}">'
        f"{''.join(rects)}</svg>"
    )


def moment(at: datetime | str | None, *, since: bool = False) -> Html:
    """A moment as `2026-03-01 12:00 UTC`; a dash where there is none.

    Args:
        at: in UTC, as a value or as ISO text.
        since: the live page's script shows how long ago it was, and keeps counting.
    """
    if not at:
        return Html("–")
    try:
        value = datetime.fromisoformat(at) if isinstance(at, str) else at
    except ValueError:
        return html_of(at)
    css = ' class="since"' if since else ""
    return Html(f'<time{css} datetime="{escape(value.isoformat())}">{value:%Y-%m-%d %H:%M} UTC</time>')


def fold(summary: object, body: str, *, name: str = "", is_open: bool = False) -> Html:
    """A part that opens on a click.

    Args:
        body: HTML.
        name: its id, by which the live page keeps it open when it is drawn again.
    """
    about = (f' id="{escape(name)}"' if name else "") + (" open" if is_open else "")
    return Html(f"<details{about}><summary>{html_of(summary)}</summary>{body}</details>")


def note(text: object) -> Html:
    """A remark in small words."""
    return Html(f'<p class="note">{html_of(text)}</p>')


def warning(text: object) -> Html:
    """A remark that must not be missed."""
    return Html(f'<p class="warning">{html_of(text)}</p>')


def filter_form(
    fields: Sequence[SearchField | ChoiceField], *, action: str, label: str, kept: Mapping[str, str] | None = None
) -> Html:
    """A form that asks for a page by its address, without a script.

    Args:
        action: address of the page, without a query.
        label: what a screen reader calls the form.
        kept: what else stays in the query.
    """
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in (kept or {}).items()
    )
    shown = "".join(map(_field, fields))
    opening = f'<form class="filter" method="get" action="{escape(action)}" role="search" aria-label="{escape(label)}">'
    return Html(f"{opening}{hidden}{shown}<button>Show</button></form>")


def _field(field: SearchField | ChoiceField) -> str:
    if isinstance(field, SearchField):
        control = f'<input type="search" name="{escape(field.name)}" value="{escape(field.value)}">'
    else:
        options = "".join(
            f'<option value="{escape(value)}"{" selected" if value == field.value else ""}>{escape(words)}</option>'
            for value, words in field.options
        )
        control = f'<select name="{escape(field.name)}">{options}</select>'
    return f"<label>{escape(field.label)} {control}</label>"


def pager(page: int, pages: int, address: Callable[[int], str]) -> Html:
    """Links to the other pages of a long list; empty where there is but one.

    Args:
        page: the one shown, from 1.
        address: of a page by its number.
    """
    if pages <= 1:
        return Html("")
    near = sorted({1, pages, *range(max(1, page - _NEAR), min(pages, page + _NEAR) + 1)})
    entries = []
    for before, number in zip([0, *near], near, strict=False):
        gap = "<span>…</span>" if number > before + 1 else ""
        here = f'<a aria-current="page">{number:,}</a>'
        entries.append(gap + (here if number == page else f'<a href="{escape(address(number))}">{number:,}</a>'))
    earlier = f'<a rel="prev" href="{escape(address(page - 1))}">‹ Previous</a>' if page > 1 else ""
    later = f'<a rel="next" href="{escape(address(page + 1))}">Next ›</a>' if page < pages else ""
    return Html(f'<nav class="pager" aria-label="Pages">{earlier}{"".join(entries)}{later}</nav>')
