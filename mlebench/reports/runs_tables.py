"""Competitions and runs of a result, as tables of a page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from mlebench.reports.components import note, state_mark
from mlebench.reports.document import CompetitionRow, ResultsDocument, RunRow
from mlebench.reports.markup import Cell, Head, Html, sortable_table
from mlebench.reports.notation import (
    NOTHING,
    OUTCOME_TITLES,
    REPORTED,
    direction,
    duration,
    gpu_time,
    number,
    run_text,
    run_usage,
    score,
    usage_rows,
    whole,
)
from mlebench.reports.usage_tables import run_amounts, run_costs

_LINKS = (("run.log", "log"), ("logs", "agent’s logs"), ("code", "code"), ("submission/submission.csv", "submission"))
_MOST_SEEDS = 4
"""So many have columns of their own; more would need a scroll bar."""
_THRESHOLDS = ("median", "bronze", "silver", "gold")
_UNUSUAL = ("failed", "timed-out", "cancelled")


def competitions_table(rows: Sequence[CompetitionRow]) -> str:
    """A row per competition with the scores of its seeds."""
    seeds = max(len(row.runs) for row in rows)
    of_seeds = [f"Seed {seed}" for seed in range(seeds)] if seeds <= _MOST_SEEDS else ["Seeds"]
    header: list[str | Head] = ["Competition", "Split", Head("Better", "which scores are better"), *of_seeds, "Medals"]
    header += [Head("Relative", "mean score; 0 at the median, 1 at gold"), *map(str.capitalize, _THRESHOLDS)]
    cells = [_competition_cells(row, folded=seeds > _MOST_SEEDS) for row in rows]
    caption = (
        "Relative: the mean score where 0 is the leaderboard’s median and 1 its gold threshold. G, S and B mark gold, silver "
        "and bronze."
    )
    return sortable_table(header, cells, sticky=True) + note(caption)


def _competition_cells(row: CompetitionRow, *, folded: bool) -> list[object]:
    medals = sum(run.medal is not None for run in row.runs)
    return [
        row.info.competition_id,
        Cell(row.info.split, text=True, below=row.info.modality),
        direction(row),
        *([_seeds_cell(row.runs)] if folded else map(_run_cell, row.runs)),
        Cell(f"{medals}/{len(row.runs)}", row.medal_rate),
        Cell(number(row.mean_normalized_score), row.mean_normalized_score),
        *(Cell(score(row.thresholds[name]), row.thresholds[name]) for name in _THRESHOLDS),
    ]


def _run_cell(run: RunRow) -> Cell:
    if run.outcome != "valid":
        return Cell(_outcome(run), None, css="narrow", tooltip=run.error or "")
    return Cell(run_text(run) if run.data == "mock" else score(run.score), run.score, medal=run.medal, tooltip=run_text(run))


def _seeds_cell(runs: Sequence[RunRow]) -> Cell:
    """All seeds in one cell: their scores' mean, and each folded below."""
    scored = [run.score for run in runs if run.score is not None]
    mean = sum(scored) / len(scored) if scored else None
    return Cell(
        score(mean),
        mean,
        below=f"mean of {len(scored)} of {len(runs)}",
        more=[(f"Seed {run.seed}", run_text(run)) for run in runs],
    )


def _outcome(run: RunRow) -> Html:
    return state_mark(run.outcome, OUTCOME_TITLES[run.outcome], tooltip=run.error or "")


def runs_table(entry: ResultsDocument, folder: Path) -> str:
    """A row per run.

    Args:
        folder: where the page will lie. What is next to or below is linked, as only that goes with it where it is moved.
    """
    runs = [(row, run) for row in entry.competitions for run in row.runs]
    links = {run.folder: _links(run, folder) for _, run in runs if run.folder is not None}
    has_usage, has_links = bool(usage_rows(entry)), any(links.values())
    header: list[str | Head] = [
        "Competition",
        "Seed",
        "Outcome",
        "Score",
        "Rank",
        Head("Time", "from start to end of the agent; GPU time below"),
    ]
    header += [
        Head("Memory", "peak"),
        *(["USD", "Tokens"] if has_usage else []),
        Head("Checks", "verdicts of the submission checker"),
    ]
    header += ["Why", *(["Files"] if has_links else []), Head("More", "everything known about the run")]
    cells = [
        _run_cells(row, run, has_usage=has_usage, links=links.get(run.folder or "", []) if has_links else None)
        for row, run in runs
    ]
    return sortable_table(header, cells, sticky=True) + "".join(_notes(entry, has_links=has_links or not any(links)))


def _run_cells(row: CompetitionRow, run: RunRow, *, has_usage: bool, links: Sequence[tuple[str, str]] | None) -> list[object]:
    unusual = state_mark(run.state, tooltip=run.reason or "") if run.state in _UNUSUAL else ""
    of = f"of {run.leaderboard_size:,}" if run.rank is not None and run.leaderboard_size is not None else ""
    return [
        row.info.competition_id,
        run.seed,
        Cell(_outcome(run), OUTCOME_TITLES[run.outcome], text=True, below=unusual),
        Cell(score(run.score), run.score, medal=run.medal),
        Cell(whole(run.rank), run.rank, below=of),
        Cell(duration(run.hours), run.hours, below=f"{gpu_time(run.gpu_hours)} GPU" if run.gpu_hours else ""),
        Cell(NOTHING if not run.peak_memory_bytes else f"{run.peak_memory_bytes / 2**30:,.1f} GiB", run.peak_memory_bytes),
        *(run_costs(run) if has_usage else []),
        Cell(whole(run.checks), run.checks),
        Cell(run.error or NOTHING, long=True),
        *([Cell(links=links, css="narrow", long=True)] if links is not None else []),
        Cell(more=_all_of(row, run), sort=None, text=True),
    ]


def _all_of(row: CompetitionRow, run: RunRow) -> list[tuple[str, object]]:
    told: list[tuple[str, object]] = [
        ("Run", "/".join(Path(run.folder).parts[-2:]) if run.folder is not None else NOTHING),
        ("State", " · ".join(filter(None, (run.state, run.reason))) or NOTHING),
        ("Time", duration(run.hours)),
        ("GPU time", gpu_time(run.gpu_hours)),
        ("Checks", whole(run.checks)),
        ("Rejected checks", whole(run.refused_checks)),
        ("Files checked", whole(run.checked_files)),
        ("Graded file checked", {True: "yes", False: "no", None: NOTHING}[run.submission_was_checked]),
        *run_amounts(run),
    ]
    return [(name, value) for name, value in told if value != NOTHING]


def _notes(entry: ResultsDocument, *, has_links: bool) -> list[str]:
    notes: list[str] = [note(f"Submission checker: {entry.checks.sentence}.")] if entry.checks else []
    if any(run_usage(run)[1] == REPORTED for row in entry.competitions for run in row.runs):
        notes.append(note(f"‡ {REPORTED}."))
    if not has_links:
        notes.append(
            note("The runs’ files are not linked, because they are not below this page; a page in the group’s folder has links.")
        )
    return notes


def _links(run: RunRow, folder: Path) -> list[tuple[str, str]]:
    """Address, relative to `folder`, and label of each of the run's files that are below it."""
    here = folder.resolve()
    # not by `resolve`, which raises where an agent put a link to itself in its folder's place
    if run.folder is None or not (there := Path(os.path.realpath(run.folder))).is_relative_to(here):
        return []
    found = [(there / name, label) for name, label in _LINKS]
    return [(quote(os.path.relpath(path, here)), label) for path, label in found if not path.is_symlink() and path.exists()]
