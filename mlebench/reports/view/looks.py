"""How states and ends of runs look: a sign, words and a colour each, so that none is told by its colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import NamedTuple

from grading.wording import counted
from mlebench._support.quantities import show_count
from mlebench.reports.notation import NOTHING, usd
from mlebench.reports.view.group_figures import GroupState
from mlebench.reports.view.run_digest import Spent, Standing
from mlebench.runs.phase import PhaseName


class Look(NamedTuple):
    """How something is shown."""

    sign: str
    """A letter or a shape; needs no font of its own."""
    words: str


STANDINGS: Mapping[Standing, Look] = {
    "gold": Look("G", "gold medal"),
    "silver": Look("S", "silver medal"),
    "bronze": Look("B", "bronze medal"),
    "above-median": Look("+", "above median"),
    "no-medal": Look("○", "no medal"),
    "mock": Look("M", "mock data"),
    "invalid": Look("×", "invalid submission"),
    "no-submission": Look("∅", "no submission"),
    "failed": Look("!", "failed"),
    "not-graded": Look("?", "not graded"),
    "cancelled": Look("C", "cancelled"),
    "infrastructure": Look("I", "lost to the infrastructure"),
    "damaged": Look("D", "damaged record"),
    "running": Look("▶", "running"),
    "queued": Look("·", "queued"),
}
"""Ends first, the best one first of all; the order of legends and bars. The colour of each is `is-NAME` in the style sheet."""
PHASE_SIGNS: Mapping[PhaseName, str] = {"starting": "▷", "running": "▶", "grading": "◆", "queued": "·"}
"""Of what has not ended."""
_CLAIMED = ' <abbr title="reported by the agent, measured by nobody">‡</abbr>'
GROUP_SIGNS: Mapping[GroupState, str] = {"running": "▶", "paused": "‖", "interrupted": "▲", "done": "■", "unreadable": "×"}


def mark(name: str, sign: str) -> str:
    """A small square with a sign, which the words beside it explain."""
    return f'<b class="look is-{name}" aria-hidden="true">{sign}</b>'


def group_state(state: GroupState) -> str:
    """A group's state: its sign and its word."""
    return f'<span class="state is-{state}"><span aria-hidden="true">{GROUP_SIGNS[state]}</span> {state}</span>'


def standing_text(name: Standing, count: int) -> str:
    """Such as `3 gold medals`, `1 lost to the infrastructure`, `12 queued`."""
    words = STANDINGS[name].words
    is_noun = words.endswith((" medal", " submission", " record")) and not words.startswith("no ")
    return counted(count, words) if is_noun else f"{count:,} {words}"


def standings_text(counts: Mapping[Standing, int]) -> str:
    """All that there is, such as `3 gold medals, 1 failed`."""
    return ", ".join(standing_text(name, counts[name]) for name in STANDINGS if counts.get(name))


def progress_bar(counts: Mapping[Standing, int], planned: int) -> str:
    """A bar of ended and running runs by what there is to show of them; what is left free has not started."""
    parts, place = [], 0.0
    for name in STANDINGS:
        if name != "queued" and counts.get(name):
            width = 1000 * counts[name] / planned
            parts.append(f'<rect class="is-{name}" x="{place:.1f}" width="{width:.1f}" height="10"/>')
            place += width
    title = escape(standings_text(counts) or "no runs")
    drawing = '<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img"'
    return f"{drawing}><title>{title}</title>{''.join(parts)}</svg>"


def medals_html(counts: Mapping[Standing, int]) -> str:
    """The medals by kind, each with its letter; a dash where there is none."""
    found: list[str] = []
    for name in ("gold", "silver", "bronze"):
        if count := counts.get(name):
            found.append(f'<span class="medals"><b class="mark {name}" title="{name}">{name[0].upper()}</b>{count:,}</span>')
    return "".join(found) or NOTHING


def moment(time: datetime | str | None) -> str:
    """A time to the minute in UTC; a dash where there is none."""
    if time is None:
        return NOTHING
    known = _in_utc(time)
    return f'<time datetime="{known.isoformat()}" title="UTC"><span>{known:%Y-%m-%d}</span> <span>{known:%H:%M}</span></time>'


def moment_text(time: str) -> str:
    """The same in words, such as `2026-11-30 09:30 UTC`."""
    return f"{_in_utc(time):%Y-%m-%d %H:%M} UTC"


def since(time: str) -> str:
    """How long ago a time is: the page's script counts, and without one it says since when."""
    return f'<time class="since" datetime="{_in_utc(time).isoformat()}">since {moment_text(time)}</time>'


def until(time: datetime) -> str:
    """How long it is to a time, likewise."""
    return f'<time class="until" datetime="{_in_utc(time).isoformat()}">{_in_utc(time):%H:%M} UTC</time>'


def _in_utc(time: datetime | str) -> datetime:
    return (datetime.fromisoformat(time) if isinstance(time, str) else time).astimezone(UTC)


def share_text(share: float | None) -> str:
    """A share, 0 to 1, in percent."""
    return NOTHING if share is None else f"{100 * share:.1f} %"


def cost_html(spent: Spent) -> str:
    """US dollars, marked where only the agent says so."""
    return usd(spent.usd) + (_CLAIMED if spent.is_claim and spent.usd is not None else "")


def tokens_html(spent: Spent) -> str:
    """Tokens, marked likewise."""
    return NOTHING if spent.tokens is None else show_count(spent.tokens) + (_CLAIMED if spent.is_claim else "")


def hours_text(hours: float | None) -> str:
    """GPU hours, such as `5,400.0`, or a dash."""
    return NOTHING if hours is None else f"{hours:,.1f}"
