"""Which competitions a report is about, and the facts of each that a report needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlebench.errors import UsageError
from mlebench.registry import SPLITS, Registry
from mlebench.registry.lists import ids_of_split
from mlebench.registry.suite import split_name

OWN_SELECTION = "selection"
"""Name of a selection that is none of the splits."""


@dataclass(frozen=True)
class CompetitionInfo:
    """What tables tell about a competition."""

    competition_id: str
    title: str
    split: str
    modality: str
    metric: str
    known_leaks: tuple[str, ...]
    """Names of the known ways in which this edition's public data reveals answers."""
    known_faults: tuple[str, ...]
    """Names of what else is known to be broken in this edition."""

    @property
    def known_issues(self) -> tuple[str, ...]:
        """Leaks and faults."""
        return self.known_leaks + self.known_faults


@dataclass(frozen=True)
class Selection:
    """A named list of competitions."""

    name: str
    competition_ids: tuple[str, ...]
    suite: str | None = None
    """Name and version of the suite that it is a split of; None for all others."""


def registry_in(edition: str) -> Registry:
    """The registry in the edition that results name; in v1 where they name one that nobody knows."""
    return Registry().set_edition("v2" if edition == "v2" else "v1")


def info_of(competition_id: str, registry: Registry) -> CompetitionInfo:
    """Facts of a competition in the registry's edition; of one that is not installed, or faulty, nothing but its id is known."""
    try:
        competition = registry.get_competition(competition_id)
        # v2 fixes every leak and fault that is listed
        issues = competition.issues if registry.edition == "v1" else ()
        split = competition.split
    except UsageError:
        return CompetitionInfo(competition_id, competition_id, "unknown", "unknown", "", (), ())
    facts = competition.facts
    leaks = tuple(issue.name for issue in issues if issue.kind == "leak")
    faults = tuple(issue.name for issue in issues if issue.kind == "fault")
    return CompetitionInfo(facts.id, facts.title, split, facts.modality, facts.metric.name, leaks, faults)


def select(names: Sequence[str], competition_ids: Sequence[str], registry: Registry) -> list[Selection]:
    """The selections that a user asked for.

    Args:
        names: splits, suites, or text files with one id a line.
        competition_ids: single competitions, which together are one selection.

    Raises:
        UsageError: a name is none of these, or the suite or file is faulty.
    """
    of_suites = _splits_of_suites(registry) if any(name not in SPLITS for name in names) else {}
    selections = [_selection(name, of_suites, registry) for name in names]
    if competition_ids:
        selections.append(Selection(OWN_SELECTION, tuple(dict.fromkeys(competition_ids))))
    return selections


def _selection(name: str, of_suites: Mapping[str, Selection], registry: Registry) -> Selection:
    if name in SPLITS:
        return _split(name, registry)
    if (found := of_suites.get(split_name(name))) is not None:
        return found
    return Selection(Path(name).stem, tuple(ids_of_split(name, registry)))


def _splits_of_suites(registry: Registry) -> dict[str, Selection]:
    """The splits of all suites by name, with the competitions that the registry's edition has."""
    return {
        name: Selection(name, tuple(registry.list_competition_ids(name)), str(suite.version))
        for suite in registry.suites()
        for name in suite.splits
    }


def default_selections(present: set[str], registry: Registry, suite: str | None = None) -> list[Selection]:
    """The splits that these runs are about: those of their suite, or the benchmark's. Of a suite whose version is not installed,
    the splits are unknown.

    A split counts when at least half of it was run, so that a report with a few runs missing is about the split (and
    refused as incomplete), while a try on two competitions is about those two.
    """
    parts = SPLITS if suite is None else _parts(suite, registry)
    of_suites = _splits_of_suites(registry) if suite is not None else {}
    splits = [split for name in parts if (split := _selection(name, of_suites, registry)).competition_ids]
    tried = {split.name for split in splits if 2 * len(present.intersection(split.competition_ids)) >= len(split.competition_ids)}
    chosen = [split for split in splits if tried.issuperset(parts[split.name])]
    covered = {competition_id for split in chosen for competition_id in split.competition_ids}
    if present - covered:
        chosen.append(Selection(OWN_SELECTION, tuple(sorted(present, key=str.lower))))
    return chosen


def _parts(suite: str, registry: Registry) -> Mapping[str, tuple[str, ...]]:
    """The splits that each split of a suite consists of; nothing if this version is not installed."""
    installed = (each for each in registry.suites() if str(each.version) == suite)
    return {name: each.parts_of(name) for each in installed for name in each.splits}


def _split(name: str, registry: Registry) -> Selection:
    return Selection(name, tuple(registry.list_competition_ids(name)))
