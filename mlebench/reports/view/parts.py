"""The smaller pieces of the page of a run: cards, marks of states, moments, lists of facts; every text is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import NamedTuple

_SIGNS = {
    "queued": "◷",
    "starting": "◌",
    "running": "▶",
    "grading": "✎",
    "finished": "✓",
    "valid": "✓",
    "failed": "✗",
    "invalid": "✗",
    "timed-out": "⏱",
    "refused": "∅",
    "missing": "∅",
    "cancelled": "⊘",
}


class Html(str):
    """Text that is HTML already: escaped by whoever made it. All other text is escaped where it is put into a page."""


class Card(NamedTuple):
    """One figure that is meant to be seen first."""

    title: str
    figure: object
    notes: Sequence[object] = ()
    """A line each."""
    address: str = ""
    """Where the title leads; empty for nowhere."""


def html_of(value: object) -> Html:
    """The value as HTML: as it is where it is HTML already, else its text, escaped."""
    return value if isinstance(value, Html) else Html(escape(str(value)))


def link(address: str, label: object) -> Html:
    """A link; the label alone where there is no address."""
    return Html(f'<a href="{escape(address)}">{html_of(label)}</a>') if address else html_of(label)


def cards(entries: Iterable[Card]) -> Html:
    """Figures in boxes side by side."""
    return Html(f'<ul class="cards">{"".join(map(_card, entries))}</ul>')


def _card(card: Card) -> str:
    notes = f"<small>{'<br>'.join(map(html_of, card.notes))}</small>" if card.notes else ""
    return f"<li>{link(card.address, card.title)}<strong>{html_of(card.figure)}</strong>{notes}</li>"


def state_mark(state: str, words: str = "", *, tooltip: str = "") -> Html:
    """A state, phase or outcome: its sign, its words, its colour."""
    sign = f'<i aria-hidden="true">{_SIGNS[state]}</i>' if state in _SIGNS else ""
    css = f"state {state}" if state in _SIGNS else "state"
    about = f' title="{escape(tooltip)}"' if tooltip else ""
    return Html(f'<span class="{css}"{about}>{sign}{escape(words or state)}</span>')


def medal_mark(medal: str) -> Html:
    """A medal: `gold`, `silver` or `bronze`, by its letter and its colour."""
    return Html(f'<b class="mark {escape(medal)}" title="{escape(medal)}">{escape(medal[:1].upper())}</b>')


def moment(at: datetime | None, *, css: str = "") -> Html:
    """A moment as `2026-03-01 12:00 UTC`; a dash where there is none.

    Args:
        css: `since` for one from which the live page counts on, `until` for one to which it counts down.
    """
    if at is None:
        return Html("–")
    about = f' class="{css}"' if css else ""
    return Html(f'<time{about} datetime="{escape(at.isoformat())}">{at:%Y-%m-%d %H:%M} UTC</time>')


def facts(pairs: Sequence[tuple[str, object]]) -> Html:
    """Names with their values, as a list; values are escaped unless they are `Html`."""
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{html_of(value)}</dd></div>" for name, value in pairs)
    return Html(f'<dl class="facts">{rows}</dl>')


def fold(summary: object, body: str, *, name: str = "", is_open: bool = False) -> Html:
    """A part that opens on a click.

    Args:
        body: HTML.
        name: its id, by which the live page keeps it open when it is drawn again.
    """
    about = (f' id="{escape(name)}"' if name else "") + (" open" if is_open else "")
    return Html(f"<details{about}><summary>{html_of(summary)}</summary>{body}</details>")


def with_code(text: str) -> Html:
    """A sentence whose commands stand in backticks, as those of the harness do."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return html_of(text)
    return Html("".join(f"<code>{escape(piece)}</code>" if place % 2 else escape(piece) for place, piece in enumerate(pieces)))


def note(text: object) -> Html:
    """A remark in small words."""
    return Html(f'<p class="note">{html_of(text)}</p>')


def warning(text: object) -> Html:
    """A remark that must not be missed."""
    return Html(f'<p class="warning">{html_of(text)}</p>')
