"""The facts of one competition: the validated content of its `competition.yaml`.

They are dataclasses that pydantic checks, without pydantic being imported: facts that were valid before are taken from
`facts_cache`, and most commands read no others.
"""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from mlebench._support.late_check import LateCheck
from mlebench.errors import UsageError
from mlebench.registry.facts_cache import cached, state_of

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FACTS_FILE = "competition.yaml"
PUBLISHED_FILE = "config.yaml"
"""What a folder for the published harness has in its place."""

Split = Literal["low", "medium", "high", "dev", "demo", "research", "own"]
EditionName = Literal["v1", "v2"]
Modality = Literal[
    "tabular", "text", "image", "audio", "signal", "graph", "video", "volume", "point cloud", "multimodal", "unknown"
]
Md5 = Annotated[str, LateCheck("Field", pattern=r"^[0-9a-f]{32}$")]


def _is_below(path: str) -> str:
    if path.startswith("/") or ".." in Path(path).parts:
        raise ValueError("a path below the prepared folder, without `..`")
    return path


RelativePath = Annotated[str, LateCheck("AfterValidator", _is_below)]


@dataclass(frozen=True)
class Facts:
    """What a competition folder states: no key but the known ones, and never changed."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


@dataclass(frozen=True, kw_only=True)
class MetricFacts(Facts):
    """Name, direction and best reachable score of the metric."""

    name: str
    direction: Literal["maximize", "minimize"]
    best: float | None = None
    """Score of a perfect submission; null where it depends on the data."""


@dataclass(frozen=True, kw_only=True)
class KaggleFacts(Facts):
    """What the competition was on Kaggle."""

    type: Literal["simple", "code"]
    awards_medals: bool
    year: int | None = None


@dataclass(frozen=True, kw_only=True)
class FileFacts(Facts):
    """Paths below the prepared folder (`public/…`, `private/…`)."""

    answers: RelativePath
    sample_submission: RelativePath
    gold_submission: RelativePath | None = None
    public: Annotated[tuple[RelativePath, ...], LateCheck("Field", min_length=1)]
    """Every file and folder directly below `public/`; a folder ends with a slash."""
    private: Annotated[tuple[RelativePath, ...], LateCheck("Field", min_length=1)]
    """The same below `private/`."""

    @property
    def prepared(self) -> list[str]:
        """All of `public` and `private`, as paths below the prepared folder."""
        return [f"public/{name}" for name in self.public] + [f"private/{name}" for name in self.private]


@dataclass(frozen=True, kw_only=True)
class ThresholdFacts(Facts):
    """Scores at the gold, silver and bronze places and the median of the private leaderboard."""

    gold: float
    silver: float
    bronze: float
    median: float


@dataclass(frozen=True, kw_only=True)
class ChecksumFacts(Facts):
    """Md5 of Kaggle's zip and of the tables that edition v1 prepares from it, by path below `public/` and `private/`."""

    zip: Md5 | None = None
    public: dict[str, Md5] = field(default_factory=dict)
    private: dict[str, Md5] = field(default_factory=dict)

    @property
    def stated(self) -> dict[str, Any]:
        """What is stated, as a file of checksums holds it."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    @property
    def prepared(self) -> dict[str, str]:
        """Those of `public` and `private` together, by path below the prepared folder."""
        folders = {"public": self.public, "private": self.private}
        return {f"{folder}/{name}": md5 for folder, sums in folders.items() for name, md5 in sums.items()}


def _are_below(paths: str) -> str:
    for path in paths_counted(paths):
        _is_below(path)
    return paths


def paths_counted(paths: str) -> list[str]:
    """The paths that a key of `counts` names: one, or several joined by ` + `, whose counts add up."""
    return paths.split(" + ")


Counts = dict[Annotated[str, LateCheck("AfterValidator", _are_below)], int]
"""Rows of a table, files of a folder or members of an archive, by path below the prepared folder. `a + b` counts both together,
where an edition or a key decides how much of the data goes to either."""


@dataclass(frozen=True, kw_only=True)
class EditionFacts(Facts):
    """What differs in one edition."""

    metric: MetricFacts | None = None
    files: FileFacts | None = None
    thresholds: ThresholdFacts | None = None
    raw: tuple[RelativePath, ...] | None = None
    counts: Counts | None = None


@dataclass(frozen=True, kw_only=True)
class CompetitionFacts(Facts):
    """All of `competition.yaml`."""

    id: Annotated[str, LateCheck("Field", pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$")]
    version: Annotated[int, LateCheck("Field", gt=0, strict=True)]
    """Raised whenever a change of prepare, grade or facts changes a score or the prepared data of either edition."""
    title: str
    split: Split
    modality: Modality
    task: str
    """What is predicted, in a few words: classification, regression, segmentation, …"""
    metric: MetricFacts
    kaggle: KaggleFacts | None = None
    generated: bool = False
    """True where `prepare` needs no raw data."""
    keyed: bool = False
    """True where everything is generated from a secret key: the one given, else one that is drawn and kept in `private/`."""
    files: FileFacts
    thresholds: ThresholdFacts | None = None
    """Null where they come from the `leaderboard.csv` in the folder."""
    download_gb: float | None = None
    md5: ChecksumFacts = ChecksumFacts()
    raw: tuple[RelativePath, ...] = ()
    """The files and folders at the top of the raw data that `prepare` needs; a folder ends with a slash."""
    counts: Counts = field(default_factory=dict)
    """What v1 makes of the real download, and v2 where its own do not say otherwise."""
    v2: EditionFacts = EditionFacts()

    def __post_init__(self) -> None:
        if self.keyed and not self.generated:
            raise ValueError("only generated data can come from a key")
        self._require_ordered_thresholds()

    def _require_ordered_thresholds(self) -> None:
        for of_edition in (EditionFacts(), self.v2):
            metric, thresholds = of_edition.metric or self.metric, of_edition.thresholds or self.thresholds
            if thresholds is None:
                continue
            sign = 1 if metric.direction == "maximize" else -1
            scores = [sign * score for score in vars(thresholds).values()]
            if scores != sorted(scores, reverse=True):
                raise ValueError(f"thresholds must not get better from gold to median for {metric.direction}")

    def in_edition(self, edition: EditionName) -> CompetitionFacts:
        """The facts with what differs in `edition` put in place."""
        if edition == "v1":
            return self
        changes = {part.name: value for part in fields(EditionFacts) if (value := getattr(self.v2, part.name)) is not None}
        return replace(self, **changes)


def load_facts(path: Path, edition: EditionName = "v1") -> CompetitionFacts:
    """Read and validate a `competition.yaml`, once for each edition as long as the file stays the same.

    Raises:
        UsageError: naming the file, each wrong key and what was expected there.
    """
    state = state_of(path)
    return _load(path, edition) if state is None else _loaded(path, edition, state)


@functools.cache
def _loaded(path: Path, edition: EditionName, state: str) -> CompetitionFacts:
    return _load(path, edition)


def _load(path: Path, edition: EditionName) -> CompetitionFacts:
    if edition != "v1":
        return load_facts(path).in_edition(edition)
    facts: CompetitionFacts = cached(path, _facts_in, asdict, functools.partial(_restored, CompetitionFacts))
    return facts


def checked_facts(content: Any, where: str) -> CompetitionFacts:
    """Facts that stand in no `competition.yaml`; `where` names their origin in the error.

    Raises:
        UsageError: naming each wrong key and what was expected there.
    """
    from pydantic import ValidationError

    from mlebench._support.yaml_model import describe

    try:
        return _adapter().validate_python(content)
    except ValidationError as error:
        raise UsageError(f"{where}: {describe(error)}") from None


def _facts_in(path: Path) -> CompetitionFacts:
    from pydantic import ValidationError

    from mlebench._support.yaml_model import faults, read_yaml

    content = read_yaml(path)
    if isinstance(content, dict):
        _require_current_form(content, path)
    try:
        facts = _adapter().validate_python(content)
    except ValidationError as error:
        raise faults(path, error) from None
    if facts.id != path.parent.name:
        raise UsageError(f"{path}: `id` is {facts.id!r}, expected the folder's name {path.parent.name!r}")
    return facts


def _restored(kind: type[Any], content: dict[str, Any]) -> Any:
    """Facts of one kind, from what `asdict` made of valid ones and JSON of that."""
    return kind(**{key: _restored_value(key, value) for key, value in content.items()})


def _restored_value(key: str, value: Any) -> Any:
    if isinstance(value, dict) and key in _PARTS:
        return _restored(_PARTS[key], value)
    return tuple(value) if isinstance(value, list) else value


_PARTS: dict[str, type[Facts]] = {
    "metric": MetricFacts,
    "kaggle": KaggleFacts,
    "files": FileFacts,
    "thresholds": ThresholdFacts,
    "md5": ChecksumFacts,
    "v2": EditionFacts,
}
"""What the keys of `CompetitionFacts` and `EditionFacts` hold that is of several facts."""


@functools.cache
def _adapter() -> TypeAdapter[CompetitionFacts]:
    from pydantic import TypeAdapter

    return TypeAdapter(CompetitionFacts)


def _require_current_form(content: dict[str, Any], path: Path) -> None:
    if "version" not in content:
        raise UsageError(
            f"{path} has no `version`; add `version: 1`, and raise it whenever a change alters a score or the prepared data"
        )
    if "issues" in content:
        raise UsageError(f"{path}: `issues` have a file of their own; move the list to {path.with_name('issues.yaml')}")
