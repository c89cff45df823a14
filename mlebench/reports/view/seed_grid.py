"""Competitions by seeds: a cell shows what a run earned, or what it is doing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple
from urllib.parse import quote

from grading.wording import counted
from mlebench.reports.components import moment, moment_text
from mlebench.reports.markup import Html, link
from mlebench.reports.notation import NOTHING, score
from mlebench.reports.view.group_figures import MEDALS
from mlebench.reports.view.listing import Asked, page_of, pages_nav
from mlebench.reports.view.looks import PHASE_SIGNS, STANDINGS, mark, standing_text
from mlebench.reports.view.run_digest import RunDigest, Standing, digest_of
from mlebench.reports.view.view import View
from mlebench.reports.view.watched_runs import WatchedGroup
from mlebench.runs.phase import phase_of
from mlebench.runs.record import RunRecord

_MOST_CELLS = 12_000
_MOST_SEEDS, _FEWEST_SEEDS = 200, 20
"""Columns of one page."""
_SEEDS_OF_A_LINE = 30
_MOST_OF_ONE = 40 * _SEEDS_OF_A_LINE
"""Seeds of one page where there is one competition alone."""
_MOST_IN_ONE = 12
"""Rows that are not worth dividing."""
_PARTS = {3: 4, 2: 12}
"""Tables next to each other, by the most seeds that leave room for them on a wide screen."""


class _Cell(NamedTuple):
    record: RunRecord
    digest: RunDigest


def make_grid(view: View, group: WatchedGroup, records: Sequence[RunRecord], asked: Asked) -> str:
    """The grid of some of a group's runs; rows and columns without any of them are left out.

    Args:
        records: at least one.
        asked: links of competitions and of the legend narrow it down; its page is one of columns.
    """
    cells = [_Cell(record, digest_of(record)) for record in records]
    by_place = {(cell.record.competition_id, cell.record.seed): cell for cell in cells}
    competitions = sorted({name for name, _ in by_place}, key=str.casefold)
    seeds = sorted({seed for _, seed in by_place})
    # most of the page is these addresses
    above = escape(view.address("g", group.name))
    if len(competitions) == 1 and len(seeds) > _SEEDS_OF_A_LINE:
        size, name = _MOST_OF_ONE, competitions[0]
        tables = _table_of_one(above, group, name, {seed: by_place[name, seed] for seed in page_of(seeds, asked, size)})
    else:
        size = max(_FEWEST_SEEDS, min(_MOST_SEEDS, _MOST_CELLS // len(competitions)))
        shown = page_of(seeds, asked, size)
        rows = [_row(above, group, name, [by_place.get((name, seed)) for seed in shown], asked) for name in competitions]
        tables = "".join(_table(list(map(str, shown)), part) for part in _side_by_side(rows, len(shown)))
    legend = _legend(cells, asked) if asked.is_filtered else ""
    more = pages_nav(len(seeds), asked, size, "seed") if len(seeds) > size else ""
    region = '<div class="scroll grid" tabindex="0" role="region" aria-label="Grid of competitions and seeds">'
    return f"{legend}{region}{tables}</div>{more}"


def _table(heads: Sequence[str], rows: Sequence[str], *, first: str = "Competition", about: str = "competition and seed") -> str:
    columns = "".join(f'<th scope="col">{head}</th>' for head in heads)
    lines = "\n".join(rows)
    return (
        f'<table><caption class="unseen">Runs by {about}</caption>'
        f'<thead><tr><th scope="col">{first}</th><th scope="col">Medals</th>{columns}</tr></thead>'
        f"<tbody>\n{lines}\n</tbody></table>"
    )


def _table_of_one(above: str, group: WatchedGroup, name: str, cells: Mapping[int, _Cell]) -> str:
    """The many seeds of one competition in lines of equal length: a seed is the first of its line and the number above it."""
    lines: dict[int, list[_Cell | None]] = {}
    for seed, cell in cells.items():
        first = seed - seed % _SEEDS_OF_A_LINE
        lines.setdefault(first, [None] * _SEEDS_OF_A_LINE)[seed - first] = cell
    rows = [_line(above, group, f'<th scope="row">{first:,} +</th>', listed) for first, listed in lines.items()]
    heads = list(map(str, range(_SEEDS_OF_A_LINE)))
    return _table(heads, rows, first="Seeds", about=f"seed of {escape(name)}")


def _side_by_side(rows: Sequence[str], seeds: int) -> list[Sequence[str]]:
    """The rows of tables that are next to each other, where so few seeds leave the room."""
    parts = next((parts for parts, most in _PARTS.items() if seeds <= most), 1) if len(rows) > _MOST_IN_ONE else 1
    length = -(-len(rows) // parts)
    return [rows[first : first + length] for first in range(0, len(rows), length)]


def _row(above: str, group: WatchedGroup, name: str, cells: Sequence[_Cell | None], asked: Asked) -> str:
    title = link(asked.link(competition=name), name)
    return _line(above, group, f'<th scope="row" title="{escape(name)}">{title}</th>', cells)


def _line(above: str, group: WatchedGroup, head: str, cells: Sequence[_Cell | None]) -> str:
    """A row: its head, its medals of its graded runs, and its cells."""
    there = [cell for cell in cells if cell is not None]
    medals = sum(cell.digest.standing in MEDALS for cell in there)
    graded = sum(cell.digest.counts for cell in there)
    share = f"{medals}/{graded}" if graded else NOTHING
    title = f"{counted(medals, 'medal')} in {counted(graded, 'graded run')}"
    return f'<tr>{head}<td title="{title}">{share}</td>{"".join(_cell(above, group, cell) for cell in cells)}</tr>'


def _cell(above: str, group: WatchedGroup, cell: _Cell | None) -> str:
    if cell is None:
        return "<td></td>"
    record, digest = cell
    address = f"{above}/{quote(record.run_id, safe='')}"
    name = f"{escape(record.competition_id)} seed {record.seed}"
    standing = digest.standing
    if standing == "running":
        return _active_cell(group, record, address, name)
    words = f"{name}: {_about(record, digest)}"
    sign = STANDINGS[standing].sign
    return f'<td><a class="look is-{standing}" href="{address}" aria-label="{words}" title="{words}">{sign}</a></td>'


def _active_cell(group: WatchedGroup, record: RunRecord, address: str, name: str) -> str:
    """Of a run that is under way: how long it has been is counted by the page's script."""
    phase = phase_of(group.group, record, group.harness).name if group.group is not None else "running"
    started = record.started_at
    title = f"{name}: {phase}" + (f" since {moment_text(started)}" if started else "")
    time = f", {moment(started, css='since')}" if started else ""
    sign = PHASE_SIGNS.get(phase, PHASE_SIGNS["running"])
    return (
        f'<td><a class="look is-running" href="{address}" title="{title}"><span aria-hidden="true">{sign}</span>'
        f'<span class="unseen">{name}: {phase}{time}</span></a></td>'
    )


def _about(record: RunRecord, digest: RunDigest) -> str:
    """How a run ended, such as `timed-out, silver medal, score 0.91`."""
    words = STANDINGS[digest.standing].words
    states = [] if record.state in ("finished", "pending") or record.state == words else [record.state]
    known = digest.report.score if digest.report is not None else None
    scores = [] if known is None else [f"score {score(known)}"]
    return escape(", ".join([*states, words, *scores]))


def _legend(cells: Iterable[_Cell], asked: Asked) -> str:
    counts: dict[Standing, int] = {}
    for cell in cells:
        counts[cell.digest.standing] = counts.get(cell.digest.standing, 0) + 1
    return standing_legend(counts, asked)


def standing_legend(counts: Mapping[Standing, int], asked: Asked) -> str:
    """What there is, each with its sign and count, as links to these runs alone."""
    entries = "".join(
        f"<li>{link(_address(name, asked), Html(mark(name, STANDINGS[name].sign) + standing_text(name, counts[name])))}</li>"
        for name in STANDINGS
        if counts.get(name)
    )
    return f'<ul class="legend signs" aria-label="Runs by result">{entries}</ul>'


def _address(name: Standing, asked: Asked) -> str:
    return asked.link(state=name, medal=None) if name in ("running", "queued") else asked.link(medal=name, state=None)
