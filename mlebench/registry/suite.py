"""Suites: folders of competition folders with a `suite.yaml`, which names their splits and their version.

A result names the suite and its version, so results of different suites, or of two versions of one, are told apart.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from grading.printable import printable
from mlebench._support.hints import did_you_mean
from mlebench._support.late_check import LateCheck
from mlebench.errors import UsageError
from mlebench.registry.facts import FACTS_FILE, PUBLISHED_FILE, Facts
from mlebench.registry.facts_cache import cached

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SUITE_FILE = "suite.yaml"
EVERYTHING = "all"
"""The split of every suite that takes all others together."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_VERSION = re.compile(r"[1-9][0-9]{0,8}|[0-9]{1,9}\.[0-9]{1,9}")

Homes = Sequence[tuple[Path, Collection[str]]]
"""Folders in which competitions lie, each with the names of what lies there."""


def _is_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("expected at most 60 lower-case letters, digits and dashes, such as `my-suite`")
    return name


def _is_version(version: int | str) -> int | str:
    text = str(version)
    if not _VERSION.fullmatch(text) or not text.strip("0."):
        raise ValueError(f"expected a positive number such as 2 or 2.1, not `{printable(text, 40)}`")
    return int(text) if text.isdigit() else text


def _are_splits(splits: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    for name, ids in splits.items():
        _is_name(name)
        if name == EVERYTHING:
            raise ValueError(f"`{EVERYTHING}` always holds every competition of the suite; remove it")
        if twice := next((each for each in ids if ids.count(each) > 1), None):
            raise ValueError(f"`{name}` lists `{printable(twice, 60)}` twice; list it once")
    return splits


Name = Annotated[str, LateCheck("AfterValidator", _is_name)]
Version = Annotated[int | str, LateCheck("AfterValidator", _is_version)]
_Id = Annotated[str, LateCheck("Field", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
_Ids = Annotated[tuple[_Id, ...], LateCheck("Field", min_length=1)]


@dataclass(frozen=True)
class SuiteVersion:
    """One version of one suite: what a result names."""

    name: Name
    version: Version
    """A whole number, or text such as `2.10`, which a decimal number would turn into 2.1."""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, kw_only=True)
class SuiteFacts(Facts):
    """All of `suite.yaml`."""

    name: Name
    version: Version
    """Raised whenever the competitions of a split change."""
    description: str = ""
    splits: Annotated[dict[str, _Ids], LateCheck("Field", min_length=1), LateCheck("AfterValidator", _are_splits)]
    """Competition ids by the suite's own names."""


@dataclass(frozen=True)
class Suite:
    """A suite and the folder that it is read from."""

    folder: Path
    facts: SuiteFacts

    @property
    def file(self) -> Path:
        """Its `suite.yaml`."""
        return self.folder / SUITE_FILE

    @property
    def name(self) -> str:
        """Its name."""
        return self.facts.name

    @property
    def version(self) -> SuiteVersion:
        """Its name and version."""
        return SuiteVersion(self.facts.name, self.facts.version)

    @property
    def competition_ids(self) -> tuple[str, ...]:
        """Every competition, each once."""
        return tuple(dict.fromkeys(each for ids in self.facts.splits.values() for each in ids))

    @functools.cached_property
    def splits(self) -> Mapping[str, tuple[str, ...]]:
        """Ids by the full names of the splits, such as `my-suite/low`; `my-suite/all` is last."""
        named = {f"{self.name}/{split}": ids for split, ids in self.facts.splits.items()}
        return named | {f"{self.name}/{EVERYTHING}": self.competition_ids}

    def parts_of(self, split: str) -> tuple[str, ...]:
        """The full names of the splits that one consists of: all others, or itself."""
        whole = f"{self.name}/{EVERYTHING}"
        return tuple(name for name in self.splits if name != whole) if split == whole else (split,)

    def split_of(self, competition_id: str) -> str:
        """The full name of the first split that lists a competition."""
        return next((name for name, ids in self.splits.items() if competition_id in ids), f"{self.name}/{EVERYTHING}")


def load_suite(folder: Path) -> Suite:
    """Read and validate the `suite.yaml` of a folder; what the folder holds is looked at by `find_suites`.

    Raises:
        UsageError: naming the file, each wrong key and what was expected there.
    """
    return Suite(folder, cached(folder / SUITE_FILE, _facts_in, asdict, _restored))


def suite_of(competition_folder: Path) -> Suite | None:
    """The suite that a competition's folder belongs to; None if it belongs to none.

    Raises:
        UsageError: its `suite.yaml` is faulty.
    """
    folder = competition_folder.parent
    return load_suite(folder) if is_suite(folder) else None


def is_suite(folder: Path | str) -> bool:
    """Whether a folder has a `suite.yaml`."""
    # pathlib would take most of the time of listing competitions
    return os.path.exists(os.path.join(folder, SUITE_FILE))  # noqa: PTH110, PTH118


def split_name(name: str) -> str:
    """The full name of a suite's split: a suite's name alone stands for all of it."""
    return name if "/" in name else f"{name}/{EVERYTHING}"


class Found(NamedTuple):
    """The suites in some folders."""

    suites: tuple[Suite, ...]
    """Those in order, by name."""
    faults: Mapping[Path, Fault]
    """By folder."""


class Fault(NamedTuple):
    """What keeps a suite from being used."""

    names: frozenset[str]
    """What a user may call the suite: its name, if that can be read, and its folder's."""
    error: UsageError


def find_suites(folders: Iterable[Path], homes: Homes, reserved: Collection[str]) -> Found:
    """Load suites and compare them with each other and with all other competitions.

    Args:
        folders: each has a `suite.yaml`.
        homes: every folder in which competitions lie, these included.
        reserved: names that no suite may have.
    """
    loaded: list[Suite] = []
    faults: dict[Path, Fault] = {}
    for folder in folders:
        try:
            loaded.append(load_suite(folder))
        except UsageError as error:
            faults[folder] = Fault(frozenset({folder.name}), error)
    sound: list[Suite] = []
    for suite in loaded:
        sentence = next(_faults_of(suite, [each for each in loaded if each is not suite], homes, reserved), None)
        if sentence is None:
            sound.append(suite)
        else:
            faults[suite.folder] = Fault(frozenset({suite.name, suite.folder.name}), UsageError(f"{suite.file}: {sentence}"))
    return Found(tuple(sorted(sound, key=lambda suite: suite.name)), faults)


def _faults_of(suite: Suite, others: Sequence[Suite], homes: Homes, reserved: Collection[str]) -> Iterator[str]:
    if suite.name in reserved:
        yield f"`name` is `{suite.name}`, which the harness uses itself; choose another name"
    if (twin := next((each for each in others if each.name == suite.name), None)) is not None:
        yield (
            f"{twin.folder} holds a suite of the same name, `{suite.name}`; "
            "keep one of the two folders on MLEBENCH_COMPETITIONS_PATH"
        )
    yield from _of_folder(suite, frozenset(next((names for home, names in homes if home == suite.folder), ())))
    yield from _twice(suite, others, homes)


def _of_folder(suite: Suite, names: frozenset[str]) -> Iterator[str]:
    """Ids without a folder, and competition folders in no split."""
    listed = suite.competition_ids
    for split, ids in suite.facts.splits.items():
        for name in ids:
            if name not in names or not _is_competition(suite.folder, name):
                question = did_you_mean(name, (each for each in names if _is_competition(suite.folder, each)))
                yield (
                    f"`splits.{split}` lists `{name}`, but {suite.folder} has no such competition folder; "
                    f"{question or 'correct the id, or add the folder'}"
                )
    for name in sorted(names.difference(listed)):
        if _is_competition(suite.folder, name):
            yield f"the competition `{printable(name, 60)}` in this folder is in no split; add it to one of `splits`"


def _twice(suite: Suite, others: Sequence[Suite], homes: Homes) -> Iterator[str]:
    """Ids that a competition elsewhere has as well."""
    mine = frozenset(suite.competition_ids)
    of_suites = {other.folder: other for other in others}
    for home, names in homes:
        if home == suite.folder:
            continue
        for name in sorted(mine.intersection(names)):
            if _is_competition(home, name):
                other = of_suites.get(home)
                whose = f"the suite `{other.name}`" if other else "another folder of competitions"
                yield (
                    f"`{name}` is also the id of a competition in {home}, {whose}; "
                    "rename one of the two folders and the `id` in its `competition.yaml`"
                )


def _is_competition(home: Path, name: str) -> bool:
    place = os.path.join(home, name)  # noqa: PTH118
    return any(os.path.exists(os.path.join(place, file)) for file in (FACTS_FILE, PUBLISHED_FILE))  # noqa: PTH110, PTH118


def _facts_in(path: Path) -> SuiteFacts:
    from pydantic import ValidationError

    from mlebench._support.yaml_model import faults, read_yaml

    try:
        # as text: 2.10 is another version than 2.1, and `no` and 2024 are ids
        return _adapter().validate_python(read_yaml(path, as_text=True))
    except ValidationError as error:
        raise faults(path, error) from None


def _restored(content: dict[str, Any]) -> SuiteFacts:
    splits = {name: tuple(ids) for name, ids in content["splits"].items()}
    return SuiteFacts(**{**content, "splits": splits})


@functools.cache
def _adapter() -> TypeAdapter[SuiteFacts]:
    from pydantic import TypeAdapter

    return TypeAdapter(SuiteFacts)
