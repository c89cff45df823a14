"""A board of results: which bundles have a row, what is in it, and which have none for what reasons."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grading.printable import printable
from mlebench._support.steps import Listener, Tally, ignore
from mlebench.errors import UsageError
from mlebench.evidence.verdict import Verdict
from mlebench.reports.bundle_file import read_verified
from mlebench.reports.document import Document, make_document
from mlebench.reports.figures import SelectionFigures, mean_or_none
from mlebench.reports.results import Results, pool
from mlebench.reports.selection import Selection, registry_in, select
from mlebench.reports.spending import UsageFigures

_MOST_REASONS = 20
_LONGEST = 400


@dataclass(frozen=True)
class Entry:
    """A bundle that has rows."""

    path: Path
    verdict: Verdict
    documents: tuple[Document, ...]
    """One for each result, that is, for the groups under equal conditions."""


@dataclass(frozen=True)
class Row:
    """One result on one selection of competitions."""

    rank: int
    """From 1, among the rows of the same competitions, suite, edition and key; equal figures share it."""
    entry: Entry
    place: int
    """Of the result in the entry's documents."""
    document: Document
    figures: SelectionFigures

    @property
    def usage(self) -> tuple[UsageFigures | None, UsageFigures | None]:
        """What was measured, and what only the agent says."""
        return self.figures.usage, self.figures.reported_usage

    @property
    def gpu_hours(self) -> float | None:
        """Of all runs together; None if one of them does not tell."""
        known = [run.gpu_hours for row in self.document.main.competitions for run in row.runs]
        mean = mean_or_none(known)
        return None if mean is None or None in known else mean * len(known)

    @property
    def flags(self) -> tuple[str, ...]:
        """What a reader should look at."""
        return tuple(flag.text for level in self.entry.verdict.levels for flag in level.flags)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; percentages are 0 to 100."""
        conditions, usage = self.document.main.results.conditions, self.usage[0]
        date = self.document.main.date
        return {
            "rank": self.rank,
            "bundle": self.entry.path.name,
            "sha256": self.entry.verdict.sha256,
            "agent": self.document.main.results.name,
            "models": list(conditions.models or ()),
            "split": self.figures.selection.name,
            "competitions": len(self.figures.selection.competition_ids),
            **({} if conditions.suite is None else {"suite": conditions.suite}),
            "edition": conditions.edition,
            "split_key_hash": conditions.split_key_hash,
            "seeds": self.figures.seeds,
            "metrics": {name: estimate._asdict() for name, estimate in self.figures.metrics.items()},
            "without_known_leaks": {
                name: estimate._asdict() for name, estimate in self.figures.without_known_leaks.metrics.items()
            },
            "padded": list(self.figures.padded),
            "cost_usd": usage.total.cost_usd if usage is not None else None,
            "cost_per_medal_usd": usage.cost_per_medal_usd if usage is not None else None,
            "gpu_hours": self.gpu_hours,
            "hours": conditions.hours,
            "network": conditions.network,
            "levels": {level.name: level.state for level in self.entry.verdict.levels},
            "signer": self.entry.verdict.signer,
            "date": date.isoformat() if date else None,
            "flags": list(self.flags),
        }


@dataclass(frozen=True)
class Unlisted:
    """A bundle without a row."""

    name: str
    """Its path in the folder."""
    reasons: tuple[str, ...]
    """Sentences without their full stops; printable."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"bundle": self.name, "reasons": list(self.reasons)}


@dataclass(frozen=True)
class Board:
    """All bundles of a folder, judged."""

    title: str
    rules: str | None
    """Name of the rules that rows satisfy."""
    rows: Sequence[Row]
    refused: Sequence[Unlisted]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, and the same for the same bundles."""
        return {
            "title": self.title,
            "rules": self.rules,
            "rows": [row.to_dict() for row in self.rows],
            "refused": [entry.to_dict() for entry in self.refused],
        }


def make_board(
    folder: Path,
    verify: Callable[[Path], Verdict],
    *,
    title: str,
    rules: str | None,
    split: str | None = None,
    without: Path | None = None,
    listener: Listener = ignore,
) -> Board:
    """Verify every bundle in a folder and rank what holds.

    Of two bundles that share a run the second is refused as a copy. A bundle that a trusted signer signed comes before others,
    and paths decide between equals.

    Args:
        folder: where `*.zip` files are looked for, in subfolders too.
        verify: what a bundle is worth.
        rules: name of the rules that `verify` looks at, for titles.
        split: what rows are about; by default the splits that each result has run.
        without: a folder within that is not looked at.
        listener: gets the number of bundles that are verified.

    Raises:
        UsageError: there is no bundle in the folder.
    """
    paths = list(_bundles(folder, without))
    if not paths:
        raise UsageError(f"{folder} contains no bundle (*.zip); `mlebench bundle` creates one from a run group")
    refused: list[Unlisted] = []
    verified: list[tuple[Path, Verdict]] = []
    tally = Tally(listener, "", "verifying", len(paths), "bundle", every=0)
    for place, path in enumerate(paths):
        name = _name(path, folder)
        tally.add(min(place, 1))
        try:
            verdict = verify(path)
        except (UsageError, OSError) as error:
            refused.append(Unlisted(name, (printable(str(error), _LONGEST),)))
            continue
        if verdict.holds and verdict.level("files").state == "holds":
            verified.append((path, verdict))
        else:
            refused.append(Unlisted(name, tuple(_reasons(verdict))))
    tally.add()
    owners: dict[str, str] = {}
    entries: list[Entry] = []
    for path, verdict in sorted(verified, key=lambda entry: (entry[1].signer is None, _name(entry[0], folder))):
        try:
            entries.append(_entry(path, folder, verdict, owners, split))
        except (UsageError, OSError, ValueError, ArithmeticError) as error:
            refused.append(Unlisted(_name(path, folder), (printable(str(error), _LONGEST),)))
    refused.sort(key=lambda entry: entry.name)
    return Board(title, rules, _ranked(entries), refused)


def _bundles(folder: Path, without: Path | None) -> Iterator[Path]:
    left_out = without.resolve() if without is not None else None
    for path in sorted(folder.rglob("*")):
        is_bundle = path.suffix.lower() == ".zip" and not path.is_symlink() and path.is_file()
        if is_bundle and (left_out is None or left_out not in path.resolve().parents):
            yield path


def _name(path: Path, folder: Path) -> str:
    return printable(os.fspath(path.relative_to(folder)), 200)


def _reasons(verdict: Verdict) -> Iterator[str]:
    """Why it has no row, the first reasons of each level that fails."""
    for level in verdict.levels:
        if level.state == "fails":
            yield from (f"level {level.number}, {level.name}: {finding.text}" for finding in level.findings[:_MOST_REASONS])
            if len(level.findings) > _MOST_REASONS:
                yield f"level {level.number}, {level.name}: {len(level.findings) - _MOST_REASONS} more"
            elif not level.findings:
                yield f"level {level.number}, {level.name}: {level.summary}"
    if verdict.level("files").state == "not claimed":
        yield f"level 1, files: {verdict.level('files').summary}"


def _entry(path: Path, folder: Path, verdict: Verdict, owners: dict[str, str], split: str | None) -> Entry:
    read = read_verified(path, verdict)
    if shared := sorted({owners[trace] for trace in read.traces if trace in owners}):
        raise UsageError(f"it contains runs of {shared[0]}, and each run counts only once")
    documents = tuple(_document(results, split) for results in pool(read.results))
    owners.update(dict.fromkeys(read.traces, _name(path, folder)))
    return Entry(path, verdict, documents)


def _document(results: Results, split: str | None) -> Document:
    selections: Sequence[Selection] = select([split], [], registry_in(results.conditions.edition)) if split else ()
    return make_document([results], selections, pad_missing=True)


def _ranked(entries: Sequence[Entry]) -> list[Row]:
    """The best rows first within the same competitions, suite, edition and key."""
    tables: dict[tuple[Any, ...], list[Row]] = {}
    for entry in entries:
        for place, document in enumerate(entry.documents):
            conditions = document.main.results.conditions
            for figures in document.main.figures:
                chosen = figures.selection
                of_data = (conditions.suite or "", conditions.edition, conditions.split_key_hash or "")
                key = (chosen.name, *of_data, chosen.competition_ids)
                tables.setdefault(key, []).append(Row(0, entry, place, document, figures))
    return [row for key in sorted(tables) for row in _with_ranks(tables[key])]


def _with_ranks(rows: Sequence[Row]) -> Iterator[Row]:
    ordered = sorted(rows, key=lambda row: -_medals(row))
    for row in ordered:
        better = sum(_medals(other) > _medals(row) for other in ordered)
        yield Row(1 + better, row.entry, row.place, row.document, row.figures)


def _medals(row: Row) -> float:
    return row.figures.metrics["any_medal_percentage"].mean


def tables_of(rows: Sequence[Row]) -> Mapping[str, list[Row]]:
    """Rows that compete with each other, by title, in the board's order."""
    tables: dict[str, list[Row]] = {}
    for row in rows:
        conditions = row.document.main.results.conditions
        key = f", split key {conditions.split_key_hash}" if conditions.split_key_hash else ""
        chosen = row.figures.selection
        of = chosen.name if len(chosen.competition_ids) > 1 and chosen.name != "selection" else ", ".join(chosen.competition_ids)
        suite = f", suite {conditions.suite}" if conditions.suite else ""
        tables.setdefault(printable(f"{of}{suite}, edition {conditions.edition}{key}", 200), []).append(row)
    return tables
