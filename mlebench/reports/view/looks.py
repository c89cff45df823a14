"""How states and ends of runs look: a sign, words and a colour each, so that none is told by its colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import NamedTuple

from grading.wording import counted
from mlebench._support.quantities import show_count
from mlebench.reports.components import medal_mark
from mlebench.reports.markup import Html, html_of
from mlebench.reports.notation import NOTHING, usd
from mlebench.reports.view.group_figures import MEDALS
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
_CLAIMED = ' <abbr title="reported by the agent, not measured">‡</abbr>'


def mark(name: str, sign: str) -> str:
    """A small square with a sign, which the words next to it explain."""
    return f'<b class="look is-{name}" aria-hidden="true">{sign}</b>'


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


def medals_html(counts: Mapping[Standing, int]) -> Html:
    """The medals by kind, each with its letter; a dash where there is none."""
    found = ((name, counts.get(name, 0)) for name in MEDALS)
    shown = (f'<span class="medals">{medal_mark(name)}{count:,}</span>' for name, count in found if count)
    return Html("".join(shown) or NOTHING)


def share_text(share: float | None) -> str:
    """A share, 0 to 1, in percent."""
    return NOTHING if share is None else f"{100 * share:.1f} %"


def cost_html(spent: Spent) -> Html:
    """US dollars, marked where only the agent says so."""
    return Html(html_of(usd(spent.usd)) + (_CLAIMED if spent.is_claim and spent.usd is not None else ""))


def tokens_html(spent: Spent) -> Html:
    """Tokens, marked likewise."""
    return Html(NOTHING if spent.tokens is None else show_count(spent.tokens) + (_CLAIMED if spent.is_claim else ""))


def hours_text(hours: float | None) -> str:
    """GPU hours, such as `5,400.0`, or a dash."""
    return NOTHING if hours is None else f"{hours:,.1f}"
