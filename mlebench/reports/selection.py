"""Which competitions a report is about: splits, lists of ids, and the facts of each that a report needs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.printable import printable
from mlebench._support.files import numbered_lines, read_text
from mlebench.errors import UsageError
from mlebench.registry import SPLITS, Registry

OWN_SELECTION = "selection"
"""Name of a selection that is none of the splits."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


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
    """Facts of a competition in the registry's edition; of one that is not installed, or faulty, nothing but its id is known."""
    try:
        competition = registry.get_competition(competition_id)
        # v2 fixes every leak and fault that is listed
        issues = competition.issues if registry.edition == "v1" else ()
    except UsageError:
        return CompetitionInfo(competition_id, competition_id, "unknown", "unknown", "", (), ())
    facts = competition.facts
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
    selections = [Selection(name if name in SPLITS else Path(name).stem, tuple(ids_of_split(name, registry))) for name in names]
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
    """The competition ids of a text file, one a line, each once; a remark begins with `#`.

    Raises:
        UsageError: the file cannot be read, a line is no id, or there is none.
    """
    ids: dict[str, None] = {}
    for number, line in numbered_lines(read_text(path, "give a text file with one id a line")):
        name = line.partition(" #")[0].partition("\t#")[0].strip()
        if not _ID.fullmatch(name):
            raise UsageError(f"{path}, line {number} is no competition id ({printable(name)}); give one id a line")
        ids[name] = None
    if not ids:
        raise UsageError(f"{path} names no competition; give one id a line, `mlebench list` shows them")
    return list(ids)


def ids_of_split(name: str, registry: Registry) -> list[str]:
    """The competition ids of a split, or of a text file with one id a line.

    Raises:
        UsageError: it is neither, or the file is faulty.
    """
    if name in SPLITS:
        return registry.list_competition_ids(name)
    path = Path(name)
    if not path.exists():
        near = difflib.get_close_matches(name, SPLITS, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"there is no split {name!r} and no such file; {hint}`--split` takes {', '.join(SPLITS)} or a file with one id a line"
        )
    return read_ids(path)
