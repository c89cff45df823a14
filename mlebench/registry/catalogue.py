"""Finds competitions: the 75 of the benchmark, 7 for development, the demo and research splits, and a user's own folders."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import logging
from dataclasses import dataclass, field
from pathlib import Path

from mlebench._support import paths
from mlebench._support.hints import alternatives
from mlebench.errors import UsageError
from mlebench.registry.competition import Competition
from mlebench.registry.edition import Edition
from mlebench.registry.facts import EditionName, load_facts
from mlebench.registry.keys import PUBLISHED_KEY, named_key
from mlebench.registry.published import CONFIG, PublishedCompetition, published_facts

_FACTS = "competition.yaml"
_log = logging.getLogger("mlebench")

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


@dataclass(frozen=True)
class Registry:
    """All competitions, seen with one data directory and one edition."""

    data_dir: Path = field(default_factory=paths.data_dir)
    edition: EditionName = "v1"
    split_key: str | None = None

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
            UsageError: if there is none of this id (with near matches), or its folder is faulty.
        """
        folders = self._folders()
        if competition_id in folders:
            return self.load(folders[competition_id])
        near = difflib.get_close_matches(competition_id, folders, n=3, cutoff=0.5)
        near += [known for known in folders if competition_id.lower() in known.lower() and known not in near][: 3 - len(near)]
        hint = f"; did you mean {alternatives(near)}?" if near else ""
        raise UsageError(f"there is no competition {competition_id!r}{hint or ';'} `mlebench list` shows all")

    def load(self, folder: Path) -> Competition:
        """Load the competition in `folder`.

        Raises:
            UsageError: the folder is faulty, or was written for the published harness and the edition is not v1.
        """
        if not (folder / _FACTS).exists():
            return self._load_published(folder)
        facts = load_facts(folder / _FACTS, self.edition)
        if self.split_key:
            key: str | None = named_key(self.split_key)
        else:
            key = None if facts.keyed else PUBLISHED_KEY
        return Competition(facts, folder, self.data_dir, Edition(self.edition, facts.id, key, facts.keyed))

    def in_each_edition(self, competition_id: str) -> list[Competition]:
        """A competition in the editions that it has, v1 first.

        Raises:
            UsageError: as `get_competition`.
        """
        first = self.set_edition("v1").get_competition(competition_id)
        others = [self.set_edition(name) for name in _editions(first.folder) if name != "v1"]
        return [first, *(registry.get_competition(competition_id) for registry in others)]

    def list_competition_ids(self, split: str | None = None) -> list[str]:
        """Ids in alphabetical order, those that the edition has. A faulty folder is left out with a warning.

        Args:
            split: one of `SPLITS`; by default the 82 of Kaggle.

        Raises:
            UsageError: if there is no such split.
        """
        if split is not None and split not in SPLITS:
            raise UsageError(f"there is no split {split!r}; the splits are {', '.join(SPLITS)}")
        wanted = SPLITS[split] if split else KAGGLE_SPLITS
        return [name for name, folder in self._folders().items() if self._is_listed(folder, wanted)]

    def get_lite_competition_ids(self) -> list[str]:
        """Ids of the low split."""
        return self.list_competition_ids("low")

    def _is_listed(self, folder: Path, wanted: tuple[str, ...]) -> bool:
        if self.edition not in _editions(folder):
            return False
        try:
            return _split(folder) in wanted and self.load(folder) is not None
        except UsageError as error:
            _warn_once(f"{folder.name} is left out: {error}")
            return False

    def _load_published(self, folder: Path) -> Competition:
        if self.edition not in _editions(folder):
            raise UsageError(f"{folder.name} is written for the published harness and has edition v1 alone; leave out --edition")
        facts = published_facts(folder)
        return PublishedCompetition(facts, folder, self.data_dir, Edition(self.edition, facts.id, PUBLISHED_KEY, False))

    def _folders(self) -> dict[str, Path]:
        # a user's own folder stands in for one of ours of the same name; one for the published harness, whose checkout holds
        # them all, does not
        homes = paths.content_dirs("competitions")[::-1]
        found = [file.parent for name in (CONFIG, _FACTS) for home in homes for file in home.glob(f"*/{name}")]
        return {folder.name: folder for folder in sorted(found, key=lambda folder: folder.name)}


@functools.cache
def _warn_once(sentence: str) -> None:
    """Lists are made several times in a command."""
    _log.warning(sentence)


def _split(folder: Path) -> str:
    facts = folder / _FACTS
    return load_facts(facts).split if facts.exists() else "own"


def _editions(folder: Path) -> tuple[EditionName, ...]:
    return ("v1", "v2") if (folder / _FACTS).exists() else ("v1",)


registry = Registry()
"""The registry over the default data directory, edition v1."""
