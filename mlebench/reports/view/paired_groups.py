"""Two groups paired by competition and seed, under way or done, for a comparison like that of a report."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grading.wording import counted
from mlebench._support.kept import Kept
from mlebench.reports.comparison import Comparison, compare, compare_grids
from mlebench.reports.figures import Grid
from mlebench.reports.group_folder import read_group
from mlebench.reports.results import GradedRun, Results
from mlebench.reports.selection import Selection
from mlebench.runs.group import Group
from mlebench.runs.group_report import REPORT_FILE
from mlebench.runs.record import ENDED

_SELECTION = "the competitions of both"
_MOST_GROUPS = 8

Runs = Mapping[str, Mapping[int, GradedRun]]
"""By competition and seed."""


@dataclass(frozen=True)
class PairedGroups:
    """What is compared of two groups."""

    first: Runs
    second: Runs
    comparison: Comparison | None
    """None if they have no competition in common that ended in both."""
    notes: tuple[str, ...]
    """What is left out, a sentence each."""

    @property
    def competition_ids(self) -> list[str]:
        """Those that are compared."""
        return list(self.first)


def pair(first: Group, second: Group) -> PairedGroups:
    """Pair two groups.

    Of two that are done, the figures are those that a report has. A run that has not ended is left out, and with it the run of
    the same competition and seed in the other group.

    Raises:
        UsageError: results of one group are of different data, so that they cannot be averaged.
    """
    results = _results(first), _results(second)
    runs = _runs_of(results[0]), _runs_of(results[1])
    in_both = [name for name in runs[0] if name in runs[1]]
    left = runs_that_count(runs[0], runs[1]), runs_that_count(runs[1], runs[0])
    ids = tuple(sorted((name for name in in_both if left[0].get(name) and left[1].get(name)), key=str.lower))
    kept: tuple[Runs, Runs] = ({name: left[0][name] for name in ids}, {name: left[1][name] for name in ids})
    notes = [*_alone(first.name, runs[0], runs[1]), *_alone(second.name, runs[1], runs[0])]
    waiting = sum(len(of[name]) for of in runs for name in in_both) - sum(len(seeds) for of in kept for seeds in of.values())
    if not ids:
        return PairedGroups({}, {}, None, tuple(notes))
    selection = Selection(_SELECTION, ids)
    if not waiting:
        return PairedGroups(*kept, compare(*results, selection), tuple(notes))
    notes.append(
        f"{counted(waiting, 'run')} omitted, because {'it has' if waiting == 1 else 'they have'} not ended in both groups."
    )
    return PairedGroups(*kept, compare_grids(*results, selection, (_grid(kept[0]), _grid(kept[1]))), tuple(notes))


def runs_that_count(runs: Runs, others: Runs) -> dict[str, dict[int, GradedRun]]:
    """The runs that ended, without those whose counterpart has not; of a seed that the other group has not, nothing is known."""
    return {
        name: {
            seed: run
            for seed, run in seeds.items()
            if _has_ended(run) and ((other := others.get(name, {}).get(seed)) is None or _has_ended(other))
        }
        for name, seeds in runs.items()
    }


def _has_ended(run: GradedRun) -> bool:
    return run.report is not None or (run.details is not None and run.details.state in ENDED)


def _runs_of(results: Results) -> dict[str, dict[int, GradedRun]]:
    runs: dict[str, dict[int, GradedRun]] = {}
    for seed in sorted(results.layers):
        for name, run in results.layers[seed].items():
            runs.setdefault(name, {})[seed] = run
    return runs


def _grid(runs: Runs) -> Grid:
    return {name: list(seeds.values()) for name, seeds in runs.items()}


def _alone(name: str, runs: Runs, others: Runs) -> list[str]:
    alone = sorted(runs.keys() - others.keys(), key=str.lower)
    if not alone:
        return []
    few = ", ".join(alone[:3]) + (f" and {len(alone) - 3} more" if len(alone) > 3 else "")
    return [f"Omitted, because only {name} has {'it' if len(alone) == 1 else 'them'}: {few}."]


def _results(group: Group) -> Results:
    """The results of a group, read again only when one of its files is another one."""
    files = (group.folder / "group.yaml", group.folder / REPORT_FILE)
    records = (group.run_dir(run.run_id) / "run.json" for run in group.plan.runs)
    return _kept(group.folder).get((*files, *records), lambda: read_group(group.folder, with_curves=False))


@functools.lru_cache(maxsize=_MOST_GROUPS)
def _kept(folder: Path) -> Kept[Results]:
    return Kept()
