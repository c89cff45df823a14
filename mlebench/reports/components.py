"""The smaller pieces of pages: cards, marks of states, moments, forms and pagers; every text is escaped here.

None needs a script, an inline style or an inline handler: the live page's policy forbids them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Literal, NamedTuple

from mlebench.reports.markup import Html, html_of, link
from mlebench.reports.notation import NOTHING

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
"""Signs of states, phases and outcomes, which distinguish them without colour."""
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


class TextField(NamedTuple):
    """A field of free text in a form."""

    name: str
    label: str
    value: str = ""
    known: Sequence[str] = ()
    """What it suggests."""
    placeholder: str = ""
    is_required: bool = False


class ChoiceField(NamedTuple):
    """A choice of one in a form."""

    name: str
    label: str
    options: Mapping[str, Mapping[str, str]]
    """Words by value, by the heading of their group, empty for none; an empty value stands for no choice."""
    value: str = ""


def cards(entries: Iterable[Card], *, small: bool = False) -> Html:
    """Figures in boxes side by side; small ones where they are many."""
    css = "cards small" if small else "cards"
    return Html(f'<ul class="{css}">{"".join(map(_card, entries))}</ul>')


def _card(card: Card) -> str:
    notes = f"<small>{'<br>'.join(map(html_of, card.notes))}</small>" if card.notes else ""
    return f"<li>{link(card.address, card.title)}<strong>{html_of(card.figure)}</strong>{notes}</li>"


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


def moment(at: datetime | str | None, *, css: Literal["", "since", "until"] = "") -> Html:
    """A moment as `2026-03-01 12:00 UTC`; a dash where there is none.

    Args:
        at: with its zone, as a value or as ISO text.
        css: `since` for one from which the live page's script counts on, `until` for one to which it counts down.
    """
    if not at:
        return Html(NOTHING)
    try:
        value = _in_utc(at)
    except (ValueError, OverflowError):
        return html_of(at)
    about, before = (f' class="{css}"', f"{css} ") if css else ("", "")
    return Html(f'<time{about} datetime="{value.isoformat()}">{before}{moment_text(value)}</time>')


def moment_text(at: datetime | str) -> str:
    """The same in words alone.

    Raises:
        ValueError: the text is not a time.
    """
    return f"{_in_utc(at):%Y-%m-%d %H:%M} UTC"


def _in_utc(at: datetime | str) -> datetime:
    return (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone(UTC)


def fold(summary: object, body: str, *, name: str = "", css: str = "", is_open: bool = False) -> Html:
    """A part that opens on a click.

    Args:
        body: HTML.
        name: its id, by which the live page keeps it open when it is drawn again.
    """
    given = {"id": name, "class": css}
    about = "".join(f' {key}="{escape(value)}"' for key, value in given.items() if value) + (" open" if is_open else "")
    return Html(f"<details{about}><summary>{html_of(summary)}</summary>{body}</details>")


def note(text: object) -> Html:
    """A remark in small words."""
    return Html(f'<p class="note">{html_of(text)}</p>')


def warning(text: object) -> Html:
    """A remark that must not be missed."""
    return Html(f'<p class="warning">{html_of(text)}</p>')


def filter_form(
    fields: Sequence[TextField | ChoiceField],
    *,
    action: str,
    label: str,
    button: str = "Show",
    kept: Mapping[str, str] | None = None,
    clear: str = "",
) -> Html:
    """A form that asks for a page by its address, without a script.

    Args:
        action: address of the page, without a query.
        label: what a screen reader calls the form.
        kept: what else stays in the query.
        clear: address of the page with nothing left out; empty if nothing is.
    """
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in (kept or {}).items()
    )
    shown = "".join(map(_field, fields))
    opening = f'<form class="filter" method="get" action="{escape(action)}" role="search" aria-label="{escape(label)}">'
    undo = f" {link(clear, 'Show all')}" if clear else ""
    return Html(f"{opening}{hidden}{shown}<button>{escape(button)}</button>{undo}</form>")


def _field(field: TextField | ChoiceField) -> str:
    return _text_field(field) if isinstance(field, TextField) else _choice_field(field)


def _text_field(field: TextField) -> str:
    suggested = f"known-{field.name}" if field.known else ""
    given = {"name": field.name, "value": field.value, "list": suggested, "placeholder": field.placeholder}
    about = "".join(f' {key}="{escape(value)}"' for key, value in given.items() if value)
    about += " required" if field.is_required else ""
    options = "".join(f'<option value="{escape(word)}">' for word in field.known)
    listed = f'<datalist id="{escape(suggested)}">{options}</datalist>' if suggested else ""
    return f'<label>{escape(field.label)} <input type="search" size="18" autocomplete="off"{about}></label>{listed}'


def _choice_field(field: ChoiceField) -> str:
    parts = []
    for heading, choices in field.options.items():
        inner = "".join(
            f'<option value="{escape(value)}"{" selected" if value == field.value else ""}>{escape(words)}</option>'
            for value, words in choices.items()
        )
        parts.append(f'<optgroup label="{escape(heading)}">{inner}</optgroup>' if heading else inner)
    return f'<label>{escape(field.label)} <select name="{escape(field.name)}">{"".join(parts)}</select></label>'


def pager(page: int, pages: int, address: Callable[[int], str], *, about: str = "", label: str = "Pages") -> Html:
    """Links to the other pages of a long list; empty if there is but one.

    Args:
        page: the one shown, from 1.
        address: of a page by its number.
        about: what is shown of how much.
        label: what a screen reader calls it.
    """
    if pages <= 1:
        return Html("")
    near = sorted({1, pages, *range(max(1, page - _NEAR), min(pages, page + _NEAR) + 1)})
    entries = [f'<span class="note">{escape(about)}</span>'] if about else []
    if page > 1:
        entries.append(f'<a rel="prev" href="{escape(address(page - 1))}">‹ Previous</a>')
    for before, number in zip([0, *near], near, strict=False):
        here = f'<a aria-current="page">{number:,}</a>' if number == page else link(address(number), f"{number:,}")
        entries.append(("<span>…</span>" if number > before + 1 else "") + here)
    if page < pages:
        entries.append(f'<a rel="next" href="{escape(address(page + 1))}">Next ›</a>')
    return Html(f'<nav class="pager" aria-label="{escape(label)}">{"".join(entries)}</nav>')
