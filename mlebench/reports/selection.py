"""Which competitions a report is about: splits, lists of ids, and the facts of each that a report needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlebench.errors import UsageError
from mlebench.registry import SPLITS, Registry, registry

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
    """Names of the known ways in which this edition's public data tells about answers."""
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


class Catalog:
    """Facts of competitions in one edition; a competition that is not installed has none."""

    def __init__(self, edition: str, source: Registry = registry) -> None:
        self._edition = edition
        self._registry = source
        self._known = {name: source.list_competition_ids(name) for name in SPLITS}
        self._installed = {entry for ids in self._known.values() for entry in ids}
        self._infos: dict[str, CompetitionInfo] = {}

    def split(self, name: str) -> Selection:
        """One of the registry's splits."""
        return Selection(name, tuple(self._known[name]))

    def splits(self) -> list[Selection]:
        """All splits that have competitions, in the order of the registry."""
        return [self.split(name) for name, ids in self._known.items() if ids]

    def info(self, competition_id: str) -> CompetitionInfo:
        """Facts of a competition."""
        if competition_id not in self._infos:
            self._infos[competition_id] = self._read(competition_id)
        return self._infos[competition_id]

    def _read(self, competition_id: str) -> CompetitionInfo:
        if competition_id not in self._installed:
            return CompetitionInfo(competition_id, competition_id, "unknown", "unknown", "", (), ())
        competition = self._registry.get_competition(competition_id)
        facts = competition.facts
        # v2 mends every leak and fault that is listed
        issues = competition.issues if self._edition == "v1" else ()
        leaks = tuple(issue.name for issue in issues if issue.kind == "leak")
        faults = tuple(issue.name for issue in issues if issue.kind == "fault")
        return CompetitionInfo(facts.id, facts.title, facts.split, facts.modality, facts.metric.name, leaks, faults)


def select(names: Sequence[str], competition_ids: Sequence[str], catalog: Catalog) -> list[Selection]:
    """The selections that a user asked for.

    Args:
        names: splits, or text files with one id a line.
        competition_ids: single competitions, which together are one selection.

    Raises:
        UsageError: a name is neither a split nor a file with ids.
    """
    selections = [catalog.split(name) if name in SPLITS else _read_list(Path(name)) for name in names]
    if competition_ids:
        selections.append(Selection(OWN_SELECTION, tuple(dict.fromkeys(competition_ids))))
    return selections


def default_selections(present: set[str], catalog: Catalog) -> list[Selection]:
    """The splits that these runs are about.

    A split counts when at least half of it was run, so that a report with a few runs missing is about the split (and
    refused as incomplete), while a try on two competitions is about those two.
    """
    tried = {split.name for split in catalog.splits() if _is_tried(split, present)}
    chosen = [split for split in catalog.splits() if tried.issuperset(SPLITS[split.name])]
    covered = {competition_id for split in chosen for competition_id in split.competition_ids}
    if present - covered:
        chosen.append(Selection(OWN_SELECTION, tuple(sorted(present, key=str.lower))))
    return chosen


def _is_tried(split: Selection, present: set[str]) -> bool:
    return 2 * len(present.intersection(split.competition_ids)) >= len(split.competition_ids)


def read_ids(path: Path) -> list[str]:
    """The competition ids of a text file, one a line; empty lines and those that begin with `#` are left out.

    Raises:
        UsageError: the file cannot be read or names no competition.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; give a text file with one id a line") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; give a text file with one id a line") from None
    entries = [line.strip() for line in lines]
    ids = list(dict.fromkeys(entry for entry in entries if entry and not entry.startswith("#")))
    if not ids:
        raise UsageError(f"{path} names no competition; give one id a line, `mlebench list` shows them")
    return ids


def _read_list(path: Path) -> Selection:
    if not path.exists():
        raise UsageError(
            f"there is no split {str(path)!r} and no such file; "
            f"`mlebench report --split` takes {', '.join(SPLITS)} or a file with ids"
        )
    return Selection(path.stem, tuple(read_ids(path)))


def group_by_modality(selection: Selection, catalog: Catalog) -> Mapping[str, list[str]]:
    """The competitions of a selection by modality, in alphabetical order."""
    groups: dict[str, list[str]] = {}
    for competition_id in selection.competition_ids:
        groups.setdefault(catalog.info(competition_id).modality, []).append(competition_id)
    return dict(sorted(groups.items()))
