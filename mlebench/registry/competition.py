"""One competition in one edition: its facts, its code and the places of its data."""

from __future__ import annotations

import dataclasses
import functools
import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support import paths
from mlebench._support.kept import Kept
from mlebench.errors import NotPrepared, UsageError
from mlebench.registry.content import load_value
from mlebench.registry.edition import Edition
from mlebench.registry.facts import ChecksumFacts, CompetitionFacts
from mlebench.registry.keys import MEASURED_LEADERBOARD, PUBLISHED_KEY, hash_of, kept_key
from mlebench.registry.leaderboard import plain_scores
from mlebench.registry.replaceable import Derived
from mlebench.registry.suite import SuiteVersion, suite_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from grading import Board, Grader, Thresholds
    from grading.report import DataKind
    from mlebench.registry.issues import Issue


PUBLISHED_FIELDS = (
    "id", "name", "description", "grader", "answers", "gold_submission", "sample_submission", "competition_type", "prepare_fn",
    "raw_dir", "private_dir", "public_dir", "checksums", "leaderboard",
)  # fmt: skip
"""What a competition of the published harness consists of, in its order."""

PREPARED_RECORD = "prepared.json"
"""In a prepared folder: what the data was made of (see `mlebench.preparation.record`)."""


def prepare_command(competitions: Sequence[Competition], options: Sequence[str] = (), *, split: str | None = None) -> str:
    """The command that prepares competitions of one edition and data directory, ready for a shell; a split key is never in it.

    Args:
        competitions: at least one.
        options: further words.
        split: chooses the competitions instead of their ids.
    """
    first = competitions[0]
    words = ["mlebench", "prepare", *(["--split", split] if split else (competition.id for competition in competitions))]
    if not first.edition.is_v1:
        words += ["--edition", first.edition.name]
    words += options
    if first.data_dir != paths.data_dir():
        words += ["--data-dir", str(first.data_dir)]
    return shlex.join(words)


@dataclass(frozen=True, init=False)
class Competition:
    """One competition in one edition, with the places of its data.

    `dataclasses.replace` takes the `PUBLISHED_FIELDS` as well as the attributes below: a competition with other answers, say.

    Attributes:
        facts: all of `competition.yaml`, as it holds in this edition.
        folder: the competition's folder.
        data_dir: the data directory that its data lies in.
        edition: the edition, with its split key.
        replaced: values of `PUBLISHED_FIELDS` that do not follow from the rest.
    """

    facts: CompetitionFacts
    folder: Path
    data_dir: Path
    edition: Edition
    replaced: Mapping[str, Any]

    def __init__(
        self,
        facts: CompetitionFacts,
        folder: Path,
        data_dir: Path,
        edition: Edition,
        replaced: Mapping[str, Any] | None = None,
        **published: Any,
    ) -> None:
        """Make a competition; `published` are further values for `replaced`.

        Raises:
            TypeError: one of them is none of the `PUBLISHED_FIELDS`.
        """
        if unknown := published.keys() - set(PUBLISHED_FIELDS):
            raise TypeError(f"a competition has no {min(unknown)!r} that could be replaced")
        values = {**(replaced or {}), **published}
        self.__setstate__({"facts": facts, "folder": folder, "data_dir": data_dir, "edition": edition, "replaced": values})

    def __hash__(self) -> int:
        return hash((self.facts.id, self.folder, self.data_dir, self.edition))

    def __getstate__(self) -> dict[str, Any]:
        # graders need not be picklable, and answers are read again where they are needed
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, **state["replaced"])

    @Derived
    def id(self) -> str:
        """The id, Kaggle's slug."""
        return self.facts.id

    @Derived
    def name(self) -> str:
        """The title."""
        return self.facts.title

    @property
    def title(self) -> str:
        """The title."""
        return self.facts.title

    @property
    def split(self) -> str:
        """low, medium, high, dev, demo, research or own; in a suite the first of its splits that lists it (`my-suite/low`).

        Raises:
            UsageError: its `suite.yaml` is faulty.
        """
        suite = suite_of(self.folder)
        return self.facts.split if suite is None else suite.split_of(self.id)

    @property
    def suite(self) -> SuiteVersion | None:
        """Name and version of the suite that it belongs to; None if it belongs to none.

        Raises:
            UsageError: its `suite.yaml` is faulty.
        """
        suite = suite_of(self.folder)
        return None if suite is None else suite.version

    @property
    def modality(self) -> str:
        """Kind of data: tabular, text, image, …"""
        return self.facts.modality

    @property
    def metric(self) -> str:
        """Name of the metric."""
        return self.facts.metric.name

    @property
    def direction(self) -> str:
        """maximize or minimize."""
        return self.facts.metric.direction

    @property
    def is_lower_better(self) -> bool:
        """Whether a lower score is better."""
        return self.direction == "minimize"

    @Derived
    def competition_type(self) -> str:
        """simple or code on Kaggle; simple for all others."""
        return self.facts.kaggle.type if self.facts.kaggle else "simple"

    @Derived
    def description(self) -> str:
        """The task as an agent of this edition reads it."""
        return self._task_text("description.md")

    @property
    def description_obfuscated(self) -> str:
        """The task without names that let a model recall the competition."""
        return self._task_text("description_obfuscated.md")

    @functools.cached_property
    def issues(self) -> tuple[Issue, ...]:
        """What is known to be wrong in v1, and what v2 does about it, from `issues.yaml`.

        Raises:
            UsageError: if that file is faulty.
        """
        from mlebench.registry.issues import load_issues

        return load_issues(self.folder / "issues.yaml")

    @functools.cached_property
    def grader(self) -> Grader:
        """The grader of this edition."""
        from grading.grader import EditionGraders, Grader

        found = load_value(self.folder / "grade.py", "grader")
        if not isinstance(found, Grader | EditionGraders):
            raise UsageError(f"`grader` in {self.folder / 'grade.py'} is of type {type(found).__name__}; make it a `Grader`")
        return dataclasses.replace(found.for_edition(self.edition.name), lower_is_better=self.is_lower_better, name=self.metric)

    @Derived
    def prepare_fn(self) -> Callable[[Path, Path, Path], None]:
        """`prepare_fn(raw, public, private)`: makes the prepared data of this edition."""
        prepare_edition = load_value(self.folder / "prepare.py", "prepare")

        def prepare(raw: Path, public: Path, private: Path) -> None:
            prepare_edition(raw, public, private, edition=self.edition)

        prepare.__module__, prepare.__doc__ = prepare_edition.__module__, prepare_edition.__doc__
        return prepare

    @property
    def mock_fn(self) -> Callable[..., None]:
        """`mock_fn(raw, rng, size)`: makes a tiny raw download."""
        mock: Callable[..., None] = load_value(self.folder / "mock.py", "mock")
        return mock

    @functools.cached_property
    def root(self) -> Path:
        """Folder of this competition's data in every edition."""
        return self.data_dir / self.id

    @functools.cached_property
    def raw_dir(self) -> Path:
        """The unpacked download."""
        return self.root / "raw"

    @functools.cached_property
    def prepared_dir(self) -> Path:
        """The prepared data of this edition."""
        return self.root / ("prepared" if self.edition.name == "v1" else "prepared-v2")

    @property
    def prepare_command(self) -> str:
        """The command that prepares this edition where its data lies, for messages."""
        return prepare_command([self])

    @Derived
    def public_dir(self) -> Path:
        """What the agent gets."""
        return self.prepared_dir / "public"

    @Derived
    def private_dir(self) -> Path:
        """What only the grader gets."""
        return self.prepared_dir / "private"

    @Derived
    def answers(self) -> Path:
        """The answers."""
        return self.prepared_dir / self.facts.files.answers

    @property
    def answers_table(self) -> pd.DataFrame:
        """The answers as the grader reads them, kept until they are prepared anew.

        Raises:
            NotPrepared: it is not prepared.
        """
        return self._kept_answers.get(self._files_of_answers, self._read_answers)

    @property
    def prepared_answers(self) -> Any:
        """The answers in the form in which the grader takes them for many submissions, kept until they are prepared anew.

        Raises:
            NotPrepared: it is not prepared.
        """
        return self._kept_prepared_answers.get(self._files_of_answers, lambda: self.grader.prepare(self.answers_table))

    def _read_answers(self) -> pd.DataFrame:
        if not self.answers.is_file():
            raise NotPrepared(f"{self.id} is not prepared in {self.data_dir}; `{self.prepare_command}` prepares it")
        from mlebench.registry.kept_answers import read_kept_answers

        return read_kept_answers(self.answers, self.grader, self.root, self.edition.name)

    @property
    def _record(self) -> Path:
        return self.prepared_dir / PREPARED_RECORD

    @property
    def _files_of_answers(self) -> tuple[Path, ...]:
        # a few graders read other files beside the answers, which are prepared together with them
        return (self.answers, self._record)

    @functools.cached_property
    def _kept_answers(self) -> Kept[pd.DataFrame]:
        return Kept()

    @functools.cached_property
    def _kept_prepared_answers(self) -> Kept[Any]:
        return Kept()

    @functools.cached_property
    def _kept_data_kind(self) -> Kept[DataKind | None]:
        return Kept()

    @functools.cached_property
    def _kept_scores(self) -> Kept[Sequence[float]]:
        return Kept()

    @Derived
    def sample_submission(self) -> Path:
        """The sample submission."""
        return self.prepared_dir / self.facts.files.sample_submission

    @Derived
    def gold_submission(self) -> Path:
        """A submission made of the answers; the answers themselves unless there is a file of its own."""
        return self.prepared_dir / (self.facts.files.gold_submission or self.facts.files.answers)

    @property
    def md5(self) -> ChecksumFacts:
        """Published md5 of v1's files; empty for v2."""
        return self.facts.md5 if self.edition.is_v1 else ChecksumFacts()

    @Derived
    def checksums(self) -> Path:
        """The published md5 of v1's files as a YAML file, written to the data directory; `md5` has them without one."""
        from mlebench.registry.client_paths import ChecksumFile

        return ChecksumFile.of(self.root / "checksums.yaml", self.md5)

    @property
    def instance_hash(self) -> str | None:
        """Hash of the key that the prepared data was generated from; None where data does not come from a key."""
        key = self._kept_key
        return key and hash_of(key)

    @property
    def data_kind(self) -> DataKind | None:
        """Whether the prepared data is real or made up; None where that is unknown, as with data of another harness."""
        return "real" if self.facts.generated else self._kept_data_kind.get([self._record], self._read_data_kind)

    def _read_data_kind(self) -> DataKind | None:
        try:
            mock = json.loads(self._record.read_text(encoding="utf-8"))["mock"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return "mock" if mock else "real"

    @property
    def _kept_key(self) -> str | None:
        return kept_key(self.private_dir) if self.facts.keyed else None

    @Derived
    def leaderboard(self) -> Path:
        """The leaderboard file; where there is none yet, opening it is a `UsageError` that names the command which gets it."""
        from mlebench.registry.client_paths import MissingFile

        path = self._leaderboard_place
        return path if path.exists() else MissingFile.of(path, self._no_leaderboard)

    @property
    def has_leaderboard(self) -> bool:
        """Whether there is a leaderboard with one row for each team."""
        return self.leaderboard.exists()

    @property
    def _leaderboard_place(self) -> Path:
        """The competition's own leaderboard, else a refreshed one in the data directory.

        Data generated from a key of its own has the one that was measured on it.
        """
        if self._kept_key not in (None, PUBLISHED_KEY):
            return self.private_dir / MEASURED_LEADERBOARD
        own = self.folder / "leaderboard.csv"
        return own if own.exists() else self.root / "leaderboard.csv"

    @property
    def _no_leaderboard(self) -> str:
        if self.facts.kaggle is None:
            return f"there is no leaderboard of {self.id}"
        return f"there is no leaderboard of {self.id}; `mlebench leaderboard {self.id} --refresh` gets it from Kaggle"

    @functools.cached_property
    def thresholds(self) -> Thresholds | None:
        """Medal thresholds of this edition; None where there is neither a table of them nor a leaderboard."""
        from grading.medals import Thresholds

        if self.facts.thresholds is not None and "leaderboard" not in self.replaced:
            return Thresholds(**vars(self.facts.thresholds), lower_is_better=self.is_lower_better)
        return self.live_thresholds if self.has_leaderboard else None

    def board(self, *, live: bool = False) -> Board:
        """What scores of this competition are placed on.

        Args:
            live: take medal thresholds from the refreshed leaderboard instead of the published ones.

        Raises:
            UsageError: with `live`, if there is no leaderboard.
        """
        from grading.medals import Board

        scores = self._kept_scores.get([self.leaderboard], self._leaderboard_scores)
        thresholds = self.live_thresholds if live else self.thresholds
        return Board(self.is_lower_better, thresholds, scores, made_up=self.data_kind == "mock")

    def _leaderboard_scores(self) -> Sequence[float]:
        return self.read_leaderboard()["score"].tolist() if self.has_leaderboard else ()

    @property
    def provenance(self) -> dict[str, str | int | None]:
        """What the prepared data was made from, as grading reports record it; `suite` only of a competition in one."""
        suite = self.suite
        return {
            "edition": self.edition.name,
            "split_key_hash": self.edition.key_hash,
            "instance_hash": self.instance_hash,
            "data": self.data_kind,
            "competition_version": self.facts.version,
            **({} if suite is None else {"suite": str(suite)}),
        }

    @property
    def live_thresholds(self) -> Thresholds:
        """Medal thresholds of the refreshed leaderboard.

        Raises:
            UsageError: if there is none.
        """
        from grading.medals import Thresholds

        scores = plain_scores(self.leaderboard)
        if scores is None:
            scores = self.read_leaderboard()["score"].tolist()
        return Thresholds.from_leaderboard(scores, lower_is_better=self.is_lower_better)

    def read_leaderboard(self) -> pd.DataFrame:
        """The leaderboard, best first.

        Raises:
            UsageError: if there is none.
        """
        import pandas as pd

        return pd.read_csv(self.leaderboard, float_precision="round_trip")

    def with_key(self, key: str) -> Competition:
        """The same competition with its data generated or split from another key."""
        return dataclasses.replace(self, edition=dataclasses.replace(self.edition, key=key))

    @property
    def references_fn(self) -> Callable[[Path, np.random.Generator], Iterator[tuple[str, pd.DataFrame]]]:
        """`references_fn(public, rng)`: names and submissions of reference methods, for data generated from a key."""
        references: Callable[..., Iterator[tuple[str, pd.DataFrame]]] = load_value(self.folder / "references.py", "references")
        return references

    def _task_text(self, name: str) -> str:
        from mlebench.registry.task_text import read_task_text

        return read_task_text(self.folder / name, self.edition.name)
