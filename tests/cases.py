"""Mocked and prepared competitions, made once per run of the suite and shared by all its tests and processes.

Nobody writes into them: a test that damages raw data or prepares into a folder of its own makes its own mock.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlebench.preparation import is_prepared, make_mock, prepare
from mlebench.registry import Competition, Registry
from mlebench.registry.edition import EditionName
from mlebench.registry.keys import PUBLISHED_KEY
from mlebench.scaffold.check.task_text import editions

SEED = 3
SIZE = 120
"""Rows of a mock that has some of everything: groups that v1 divides, copies, words that look like missing values."""

EDITIONS: list[tuple[str, EditionName]] = [
    (name, edition)
    for names in Registry().ids_by_split().values()
    for name in names
    for edition in editions(Registry().get_competition(name))
]
"""Every competition in each of the editions in which its data differs."""

KEY = "suite"
"""Generated data comes from this key, so that a run of the suite does the same as the one before."""


@dataclass(frozen=True)
class Cases:
    """The shared mocks, in a folder that all processes of this run of the suite know."""

    folder: Path

    def raw(self, name: str, size: int = SIZE) -> Path:
        """The raw download of a mock with `size` rows, the same for both editions."""
        made = self._of(size) / "raw" / name
        with self._alone(name, size):
            if not made.exists():
                making = made.with_name(f"{name}.making")
                make_mock(Registry().get_competition(name), making, size=size, seed=SEED)
                making.rename(made)
        return made

    def prepared(self, name: str, edition: EditionName = "v2", size: int = SIZE) -> Competition:
        """A competition prepared from `raw(name, size)`; generated data, which is the same in both editions, is made once."""
        if Registry().get_competition(name).facts.generated:
            edition, size = "v1", SIZE
        raw = self.raw(name, size)
        competition = self.registry(name, edition, size).get_competition(name)
        with self._alone(name, size):
            if not is_prepared(competition):
                prepare(competition, raw, mock=True)
        return competition

    def published(self, name: str) -> Competition:
        """A generated competition prepared from the published key, which the boards were made with."""
        competition = Registry(self.folder / "published", split_key=PUBLISHED_KEY).get_competition(name)
        with self._alone(name, SIZE):
            if not is_prepared(competition):
                prepare(competition, self.folder)
        return competition

    def copied(self, name: str, folder: Path, size: int = SIZE) -> Path:
        """A copy of `raw(name, size)` in a folder of the test's own, to be damaged."""
        return Path(shutil.copytree(self.raw(name, size), folder / "raw"))

    def registry(self, name: str, edition: EditionName, size: int, data_dir: Path | None = None) -> Registry:
        """A registry over the shared data, or over another folder, that prepares the same data there."""
        is_keyed = Registry().get_competition(name).facts.keyed
        return Registry(data_dir or self._of(size) / "data", edition, KEY if is_keyed else None)

    def _of(self, size: int) -> Path:
        return self.folder / str(size)

    @contextmanager
    def _alone(self, name: str, size: int) -> Iterator[None]:
        """One process at a time makes a case; the others wait for it."""
        lock = self._of(size) / "locks" / name
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
