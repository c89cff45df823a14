"""Finds competitions: the 75 of the benchmark, 7 for development, the demo and research splits, and a user's own folders and
suites."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlebench._support import paths
from mlebench._support.hints import unknown
from mlebench.errors import UsageError
from mlebench.registry.competition import Competition
from mlebench.registry.edition import Edition
from mlebench.registry.facts import FACTS_FILE, PUBLISHED_FILE, EditionName, load_facts
from mlebench.registry.keys import PUBLISHED_KEY, named_key
from mlebench.registry.suite import Found, Homes, Suite, find_suites, is_suite, split_name

SPLITS: dict[str, tuple[str, ...]] = {
    "low": ("low",),
    "medium": ("medium",),
    "high": ("high",),
    "all": ("low", "medium", "high"),
    "dev": ("dev",),
    "demo": ("demo",),
    "research": ("research",),
    "own": ("own",),
}
"""The splits by name, each with the values of `split` that it takes together."""

KAGGLE_SPLITS = ("low", "medium", "high", "dev")
"""Values of `split` that competitions of Kaggle have."""


@dataclass(frozen=True, init=False)
class Registry:
    """All competitions, seen with one data directory and one edition."""

    data_dir: Path
    edition: EditionName
    split_key: str | None

    def __init__(self, data_dir: Path | str | None = None, edition: EditionName = "v1", split_key: str | None = None) -> None:
        """Look at competitions with a data directory; by default `MLEBENCH_DATA_DIR`, else a folder in the user's cache."""
        found = paths.data_dir() if data_dir is None else Path(data_dir)
        self.__dict__.update(data_dir=found, edition=edition, split_key=split_key)

    def set_data_dir(self, new_data_dir: Path | str) -> Registry:
        """The same registry over another data directory."""
        return dataclasses.replace(self, data_dir=paths.data_dir(new_data_dir))

    def set_edition(self, edition: EditionName, split_key: str | None = None) -> Registry:
        """The same registry in another edition; it keeps its key unless another one is given."""
        return dataclasses.replace(self, edition=edition, split_key=split_key or self.split_key)

    def get_data_dir(self) -> Path:
        """The data directory."""
        return self.data_dir

    def get_competitions_dir(self) -> Path:
        """The folder with the competitions that come with the harness."""
        return paths.content_dir("competitions")

    def get_splits_dir(self) -> Path:
        """A folder with low.txt, medium.txt, high.txt, dev.txt and split75.txt, one id a line."""
        return Path(__file__).parent / "splits"

    def get_competition(self, competition_id: str) -> Competition:
        """Load a competition.

        Raises:
            UsageError: if there is none of this id (with near matches), or its folder or the suite that it belongs to is faulty.
        """
        homes = _homes()
        if (file := _file_of(competition_id, homes)) is not None:
            if is_suite(home := file.parent.parent) and (fault := _suites(homes).faults.get(home)):
                raise fault.error
            return self._load(file)
        raise UsageError(unknown("competition", competition_id, _files(homes), listing="`mlebench list`"))

    def load(self, folder: Path) -> Competition:
        """Load the competition in `folder`.

        Raises:
            UsageError: the folder is faulty, or was written for the published harness and the edition is not v1.
        """
        file = folder / FACTS_FILE
        return self._load(file if file.exists() else folder / PUBLISHED_FILE)

    def _load(self, file: Path) -> Competition:
        if file.name == PUBLISHED_FILE:
            return self._load_published(file.parent)
        facts = load_facts(file, self.edition)
        if self.split_key:
            key: str | None = named_key(self.split_key)
        else:
            key = None if facts.keyed else PUBLISHED_KEY
        return Competition(facts, file.parent, self.data_dir, Edition(self.edition, facts.id, key, facts.keyed))

    def in_each_edition(self, competition_id: str) -> list[Competition]:
        """A competition in the editions that it has, v1 first.

        Raises:
            UsageError: as `get_competition`.
        """
        first = self.set_edition("v1").get_competition(competition_id)
        file = FACTS_FILE if (first.folder / FACTS_FILE).exists() else PUBLISHED_FILE
        others = [self.set_edition(name) for name in _editions(first.folder / file) if name != "v1"]
        return [first, *(registry.get_competition(competition_id) for registry in others)]

    def list_competition_ids(self, split: str | None = None) -> list[str]:
        """Ids in alphabetical order, those that the edition has. A faulty folder is left out with a warning.

        Args:
            split: one of `split_names`, or a suite's name; by default the 82 of Kaggle.

        Raises:
            UsageError: the split does not exist, or its suite is faulty.
        """
        if split is not None and split not in SPLITS:
            ids = self._ids_of_suite(split)
            return [name for name, _ in self._listed() if name in ids]
        wanted = SPLITS[split] if split else KAGGLE_SPLITS
        return [name for name, its_split in self._listed() if its_split in wanted]

    def _ids_of_suite(self, split: str) -> tuple[str, ...]:
        found = _suites(_homes())
        by_split = {name: ids for suite in found.suites for name, ids in suite.splits.items()}
        if (ids := by_split.get(split_name(split))) is not None:
            return ids
        suite = split.partition("/")[0]
        if fault := next((fault for fault in found.faults.values() if suite in fault.names), None):
            raise fault.error
        raise UsageError(unknown("split", split, [*SPLITS, *by_split]))

    def suites(self) -> list[Suite]:
        """The suites in alphabetical order of their names. A faulty one is left out with a warning."""
        found = _suites(_homes())
        _warn_of(found)
        return list(found.suites)

    def split_names(self) -> list[str]:
        """Every split: the `SPLITS`, then those of each suite, such as `my-suite/low` and `my-suite/all`."""
        return [*SPLITS, *(name for suite in self.suites() for name in suite.splits)]

    def has_split(self, name: str) -> bool:
        """Whether a name is one of `split_names` or that of a suite, a faulty one included."""
        if name in SPLITS:
            return True
        found = _suites(_homes())
        if any(split_name(name) in suite.splits for suite in found.suites):
            return True
        return any(name.partition("/")[0] in fault.names for fault in found.faults.values())

    def ids_by_split(self) -> dict[str, list[str]]:
        """Ids by `Competition.split`: every value of `SPLITS` in their order, then the splits of suites that have a competition.

        Each competition is in one list; a suite's is in the first of its splits.
        """
        listed = list(self._listed())
        values = [name for name, taken in SPLITS.items() if taken == (name,)]
        values += dict.fromkeys(split for _, split in listed if split not in SPLITS)
        return {value: [name for name, split in listed if split == value] for value in values}

    def get_lite_competition_ids(self) -> list[str]:
        """Ids of the low split."""
        return self.list_competition_ids("low")

    def _listed(self) -> Iterator[tuple[str, str]]:
        """Id and split of each competition that the edition has and whose folder is in order."""
        homes = _homes()
        found = _suites(homes)
        _warn_of(found)
        for name, file in _files(homes).items():
            if file.parent.parent in found.faults:
                continue
            if self.edition not in _editions(file):
                continue
            try:
                yield name, self._load(file).split
            except UsageError as error:
                _warn_once(f"{name} is left out: {error}")

    def _load_published(self, folder: Path) -> Competition:
        from mlebench.registry.published import PublishedCompetition, published_facts

        if self.edition not in _editions(folder / PUBLISHED_FILE):
            raise UsageError(f"{folder.name} is written for the published harness and has only edition v1; leave out --edition")
        facts = published_facts(folder)
        return PublishedCompetition(facts, folder, self.data_dir, Edition(self.edition, facts.id, PUBLISHED_KEY, False))


def _homes() -> Homes:
    """The folders in which competitions lie: a user's own first, then ours, then suites."""
    listed = [(home, _names(home)) for home in paths.content_dirs("competitions")]
    *own, ours = listed
    inside = [(place, _names(place)) for home, names in own for name in sorted(names) if is_suite(place := home / name)]
    suites = [*(entry for entry in own if is_suite(entry[0])), *inside]
    # a suite may be named itself next to the folder that it is in
    apart = {os.path.realpath(home): (home, names) for home, names in suites}
    return [*(entry for entry in own if not is_suite(entry[0])), ours, *apart.values()]


def _suites(homes: Homes) -> Found:
    folders = [home for home, _ in homes if is_suite(home)]
    return find_suites(folders, homes, SPLITS) if folders else Found((), {})


def _warn_of(found: Found) -> None:
    for fault in found.faults.values():
        _warn_once(f"a suite is left out: {fault.error}")


def _names(home: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(home))  # noqa: PTH208
    except OSError:
        return frozenset()


def _files(homes: Homes) -> dict[str, Path]:
    """The file of facts of every competition, by its name, in alphabetical order."""
    names = sorted({name for _, inside in homes for name in inside})
    return {name: file for name in names if (file := _file_of(name, homes)) is not None}


def _file_of(name: str, homes: Homes) -> Path | None:
    """The file of facts of one competition, its own or that of the published harness.

    A user's own folder stands in for one of ours of the same name; one for the published harness, whose checkout holds them all,
    does not.
    """
    places = [os.path.join(home, name) for home, inside in homes if name in inside]  # noqa: PTH118
    files = (os.path.join(place, file) for file in (FACTS_FILE, PUBLISHED_FILE) for place in places)  # noqa: PTH118
    return next((Path(file) for file in files if os.path.exists(file)), None)  # noqa: PTH110


@functools.cache
def _warn_once(sentence: str) -> None:
    """Lists are made several times in a command."""
    import logging

    logging.getLogger("mlebench").warning(sentence)


def _editions(file: Path) -> tuple[EditionName, ...]:
    return ("v1", "v2") if file.name == FACTS_FILE else ("v1",)


registry = Registry()
"""The registry over the default data directory, edition v1."""
