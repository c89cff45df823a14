"""A board as a static site: one page of rows, a page for each result, and the bundles themselves."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from grading.printable import printable
from grading.wording import counted
from mlebench._support.files import write_json, write_text
from mlebench.errors import UsageError
from mlebench.evidence.verdict import LEVELS, Verdict
from mlebench.reports.board import Board, Entry, Row, Unlisted, tables_of
from mlebench.reports.markup import Cell, Head, Section, bullets, sortable_table, whole_page
from mlebench.reports.notation import NOTHING, conditions_text, duration, gpu_time, plus_minus, usd
from mlebench.reports.page import sections_of

_SIGNS = {"holds": "✓", "fails": "✗", "not claimed": "·"}
_BUNDLES, _RESULTS = "bundles", "results"
_OURS = re.compile(r"[0-9a-f]{12}-[A-Za-z0-9._-]{1,64}(-[0-9]+)?\.(zip|html)")


def write_site(board: Board, output: Path) -> None:
    """Write the site; of an earlier one there, pages and bundles that are no more on the board are removed.

    Raises:
        UsageError: the folder holds something else, or a bundle has changed since it was verified.
    """
    if output.is_dir() and any(output.iterdir()) and not (output / "board.json").is_file():
        raise UsageError(f"{output} contains other files and no board.json of an earlier board; choose an empty folder with `-o`")
    for name in (_BUNDLES, _RESULTS):
        (output / name).mkdir(parents=True, exist_ok=True)
    written: set[Path] = set()
    for row in board.rows:
        copy = output / _bundle_of(row.entry)
        if copy not in written:
            _copy(row.entry, copy)
            written.add(copy)
        page = output / _page_of(row)
        if page not in written:
            write_text(page, _result_page(row))
            written.add(page)
    write_text(output / "index.html", _index(board))
    write_json(output / "board.json", board.to_dict())
    for name in (_BUNDLES, _RESULTS):
        for path in (output / name).iterdir():
            if path not in written and _OURS.fullmatch(path.name):
                path.unlink()


def _stem(entry: Entry) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", entry.path.name.removesuffix(entry.path.suffix))[:64] or "bundle"
    return f"{entry.verdict.sha256[:12]}-{name}"


def _bundle_of(entry: Entry) -> str:
    return f"{_BUNDLES}/{_stem(entry)}.zip"


def _page_of(row: Row) -> str:
    return f"{_RESULTS}/{_stem(row.entry)}{f'-{row.place + 1}' if row.place else ''}.html"


def _copy(entry: Entry, target: Path) -> None:
    """Copy exactly what was verified."""
    part = target.with_suffix(".part")
    digest = hashlib.sha256()
    try:
        with entry.path.open("rb") as source, part.open("wb") as copy:
            while block := source.read(2**20):
                digest.update(block)
                copy.write(block)
        if digest.hexdigest() != entry.verdict.sha256:
            raise UsageError(f"{entry.path} changed after it was verified; run the command again")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _index(board: Board) -> str:
    tables = tables_of(board.rows)
    sections = [Section(f"table-{place}", title, _table(rows)) for place, (title, rows) in enumerate(tables.items())]
    if not sections:
        sections.append(Section("rows", "No rows", '<p class="note">No bundle satisfies the rules.</p>'))
    sections.append(Section("levels", "What the marks mean", _legend()))
    if board.refused:
        sections.append(Section("refused", "Rejected bundles", _refused(board.refused)))
    lead = f"Verified results under the rules {board.rules}." if board.rules else "Verified results; no rules applied."
    return whole_page(printable(board.title, 200), printable(lead, 200), sections)


_HEADER = (
    "#", Head("Agent", "its models below"), Head("Any medal (%)", "gold below"),
    Head("Above median (%)", "valid submissions below"),
    Head("Without known leaks (%)", "any medal, without competitions with known leaks"), "Seeds",
    Head("USD", "all runs; per medal below"), Head("GPU time", "all runs; time limit per run below"), "Network",
    Head("Levels 1–7", "what was verified; see the section below"), Head("Signer", "date below"),
    Head("Bundle", "points to check below"),
)  # fmt: skip


def _table(rows: Sequence[Row]) -> str:
    caption = '<p class="note">Percentages: mean over seeds ± one standard error. † missing runs count as failures.</p>'
    return sortable_table(_HEADER, [list(_cells(row)) for row in rows]) + caption


def _cells(row: Row) -> Iterator[Cell]:
    results, figures = row.document.main.results, row.figures
    conditions, verdict = results.conditions, row.entry.verdict
    measured, claimed = row.usage
    told = measured if measured is not None else claimed
    cost = told.total.cost_usd if told is not None else None
    mark = " ‡" if measured is None and claimed is not None else ""
    clean = figures.without_known_leaks
    leakless = clean.metrics.get("any_medal_percentage")
    yield Cell(str(row.rank), row.rank, css="narrow")
    models = printable(", ".join(conditions.models or ()), 120)
    yield Cell(long=True, links=[(_page_of(row), printable(results.name or NOTHING, 80))], below=models)
    dagger = " †" if figures.padded else ""
    medals, median = figures.metrics["any_medal_percentage"], figures.metrics["above_median_percentage"]
    yield Cell(plus_minus(medals) + dagger, medals.mean, below=f"{plus_minus(figures.metrics['gold_medal_percentage'])} gold")
    yield Cell(plus_minus(median), median.mean, below=f"{plus_minus(figures.metrics['valid_submissions_percentage'])} valid")
    yield Cell(plus_minus(leakless), leakless.mean if leakless else None, below=f"over {clean.competitions}")
    yield Cell(str(figures.seeds), figures.seeds)
    yield Cell(usd(cost) + mark, cost, below=f"{usd(told.cost_per_medal_usd)} per medal" if told else "")
    yield Cell(gpu_time(row.gpu_hours), row.gpu_hours, below=f"at most {duration(conditions.hours)}" if conditions.hours else "")
    yield Cell(printable(conditions.network or "", 40), text=True)
    yield Cell(text=True, sort=sum(level.state == "holds" for level in verdict.levels), marks=_marks(verdict))
    yield Cell(printable(verdict.signer or "", 80), css="narrow", long=True, below=str(row.document.main.date or ""))
    flags = counted(len(row.flags), "flag") if row.flags else ""
    yield Cell(
        text=True, sort=len(row.flags), links=[(_bundle_of(row.entry), "zip")], below=flags, tooltip="\n".join(row.flags[:10])
    )


def _marks(verdict: Verdict) -> list[tuple[str, str]]:
    return [
        (_SIGNS[level.state], printable(f"{level.number} {level.name}: {level.state}; {level.summary}", 300))
        for level in verdict.levels
    ]


def _legend() -> str:
    meanings = [f"{place} {name}: {meaning}" for place, (name, meaning) in enumerate(LEVELS.items(), 1)]
    signs = "✓ holds, · not claimed. A row proves what its levels state, not that a score was earned. ‡ reported by the agent."
    return f'<p class="note">{signs}</p>{bullets(meanings)}'


def _refused(refused: Sequence[Unlisted]) -> str:
    return "".join(f"<h3>{escape(entry.name)}</h3>{bullets(entry.reasons)}" for entry in refused)


def _result_page(row: Row) -> str:
    results, verdict = row.document.main.results, row.entry.verdict
    levels = [
        [Cell(str(level.number), level.number), Cell(level.name, text=True), Cell(level.state, text=True),
         Cell(printable(level.summary, 500), long=True)]
        for level in verdict.levels
    ]  # fmt: skip
    address = f'<p><a href="../{escape(_bundle_of(row.entry))}">The bundle</a>, SHA-256 <code>{escape(verdict.sha256)}</code></p>'
    flags = f"<h3>To check</h3>{bullets(row.flags)}" if row.flags else ""
    head = Section("verdict", "Verdict", address + sortable_table(("Level", "Name", "State", "What was found"), levels) + flags)
    lead = " · ".join(filter(None, (conditions_text(results), str(row.document.main.date or ""))))
    return whole_page(results.name or "Result", lead, [head, *sections_of(row.document, row.entry.path.parent)])
