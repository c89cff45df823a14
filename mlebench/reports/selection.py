"""Which competitions a report is about: splits, lists of ids, and the facts of each that a report needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlebench.errors import UsageError
from mlebench.registry import SPLITS, Registry

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


def registry_in(edition: str) -> Registry:
    """The registry in the edition that results name; in v1 where they name one that nobody knows."""
    return Registry().set_edition("v2" if edition == "v2" else "v1")


def info_of(competition_id: str, registry: Registry) -> CompetitionInfo:
    """Facts of a competition in the registry's edition; of one that is not installed nothing but its id is known."""
    try:
        competition = registry.get_competition(competition_id)
    except UsageError:
        return CompetitionInfo(competition_id, competition_id, "unknown", "unknown", "", (), ())
    facts = competition.facts
    # v2 mends every leak and fault that is listed
    issues = competition.issues if registry.edition == "v1" else ()
    leaks = tuple(issue.name for issue in issues if issue.kind == "leak")
    faults = tuple(issue.name for issue in issues if issue.kind == "fault")
    return CompetitionInfo(facts.id, facts.title, facts.split, facts.modality, facts.metric.name, leaks, faults)


def select(names: Sequence[str], competition_ids: Sequence[str], registry: Registry) -> list[Selection]:
    """The selections that a user asked for.

    Args:
        names: splits, or text files with one id a line.
        competition_ids: single competitions, which together are one selection.

    Raises:
        UsageError: a name is neither a split nor a file with ids.
    """
    selections = [_split(name, registry) if name in SPLITS else _read_list(Path(name)) for name in names]
    if competition_ids:
        selections.append(Selection(OWN_SELECTION, tuple(dict.fromkeys(competition_ids))))
    return selections


def default_selections(present: set[str], registry: Registry) -> list[Selection]:
    """The splits that these runs are about.

    A split counts when at least half of it was run, so that a report with a few runs missing is about the split (and
    refused as incomplete), while a try on two competitions is about those two.
    """
    splits = [split for name in SPLITS if (split := _split(name, registry)).competition_ids]
    tried = {split.name for split in splits if 2 * len(present.intersection(split.competition_ids)) >= len(split.competition_ids)}
    chosen = [split for split in splits if tried.issuperset(SPLITS[split.name])]
    covered = {competition_id for split in chosen for competition_id in split.competition_ids}
    if present - covered:
        chosen.append(Selection(OWN_SELECTION, tuple(sorted(present, key=str.lower))))
    return chosen


def _split(name: str, registry: Registry) -> Selection:
    return Selection(name, tuple(registry.list_competition_ids(name)))


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
