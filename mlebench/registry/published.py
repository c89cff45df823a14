"""Competition folders written for the published harness: a `config.yaml` that names functions, loaded as edition v1 alone.

    id: my-competition
    name: My competition
    competition_type: simple
    description: mlebench/competitions/my-competition/description.md
    dataset:
      answers: my-competition/prepared/private/answers.csv
      sample_submission: my-competition/prepared/public/sample_submission.csv
    grader:
      name: accuracy
      grade_fn: mlebench.competitions.my-competition.grade:grade
    preparer: mlebench.competitions.my-competition.prepare:prepare

Beside it lie the files that it names, `leaderboard.csv`, and perhaps `checksums.yaml`.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from mlebench._support.git_lfs import refuse_pointer
from mlebench._support.yaml_model import read_model, read_yaml
from mlebench.errors import UsageError
from mlebench.registry.competition import Competition
from mlebench.registry.content import load_value
from mlebench.registry.facts import PUBLISHED_FILE, ChecksumFacts, CompetitionFacts, checked_facts
from mlebench.registry.replaceable import Derived

if TYPE_CHECKING:
    from mlebench.registry.foreign_grader import ForeignGrader

_CHECKSUMS = "checksums.yaml"
_MODULE = re.compile(r"mlebench\.competitions\.([^.]+)\.(.+)")
"""A module of a competition's folder, as it is called where the folder lies in the published harness."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Grader(_Part):
    name: str
    grade_fn: str


class _Dataset(_Part):
    answers: str
    sample_submission: str
    gold_submission: str | None = None


class Config(_Part):
    """What is read of a `config.yaml`."""

    id: str
    name: str
    competition_type: Literal["simple", "code"] = "simple"
    description: str = "description.md"
    dataset: _Dataset
    grader: _Grader
    preparer: str


class PublishedCompetition(Competition):
    """A competition whose folder was written for the published harness."""

    @functools.cached_property
    def grader(self) -> Any:
        """The folder's own grade function."""
        from mlebench.registry.foreign_grader import ForeignGrader

        grader = read_config(self.folder).grader
        function = self._function(grader.grade_fn)
        found: ForeignGrader = ForeignGrader(grader.name, function, self.is_lower_better, self.sample_submission)
        return found

    @Derived
    def prepare_fn(self) -> Callable[[Path, Path, Path], None]:
        """The folder's own prepare function."""
        return self._function(read_config(self.folder).preparer)

    @Derived
    def description(self) -> str:
        """The task as the agent reads it."""
        # the path counts from the root of a checkout, and the folder may lie anywhere
        path = self.folder / Path(read_config(self.folder).description).name
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"cannot read {path}: {error.strerror}; `description` in {self.folder / PUBLISHED_FILE} names it"
            ) from None

    @Derived
    def checksums(self) -> Path:
        """The folder's own file of md5 sums."""
        return self.folder / _CHECKSUMS

    def _function(self, place: str) -> Callable[..., Any]:
        """The function at `package.module:name`, in the folder itself or in an installed package."""
        module, _, name = place.partition(":")
        inside = _MODULE.fullmatch(module)
        if name and inside and inside[1] == self.folder.name:
            function: Callable[..., Any] = load_value(self.folder / f"{inside[2].replace('.', '/')}.py", name)
            return function
        from grading.published_grader import import_function

        try:
            return import_function(place)
        except (ImportError, ValueError) as error:
            raise UsageError(f"{self.folder / PUBLISHED_FILE}: `{place}` cannot be imported: {error}") from None


@functools.cache
def read_config(folder: Path) -> Config:
    """Read and validate a `config.yaml`.

    Raises:
        UsageError: naming the file, each wrong key and what was expected there.
    """
    return read_model(folder / PUBLISHED_FILE, Config)


def published_facts(folder: Path) -> CompetitionFacts:
    """The facts of a competition whose folder was written for the published harness.

    Raises:
        UsageError: if the folder is not complete, naming the file and what it needs.
    """
    config = read_config(folder)
    where = folder / PUBLISHED_FILE
    if config.id != folder.name:
        raise UsageError(f"{where}: `id` is {config.id!r}, expected the folder's name {folder.name!r}")
    dataset = {key: _below_prepared(config, path, where) for key, path in config.dataset.model_dump(exclude_none=True).items()}
    content = {
        "id": config.id,
        "version": 1,
        "title": config.name,
        "split": "own",
        "modality": "unknown",
        "task": f"scored by {config.grader.name}",
        "metric": {"name": config.grader.name, "direction": _direction(folder)},
        "kaggle": {"type": config.competition_type, "awards_medals": True},
        "files": dataset | {folder: _first_parts(dataset, folder) for folder in ("public", "private")},
        "md5": _checksums(folder),
    }
    return checked_facts(content, str(where))


def _below_prepared(config: Config, path: str, where: Path) -> str:
    start = f"{config.id}/prepared/"
    if not path.startswith((f"{start}public/", f"{start}private/")):
        raise UsageError(f"{where}: {path!r} is not a path of the form {start}private/answers.csv")
    return path.removeprefix(start)


def _first_parts(dataset: dict[str, str], folder: str) -> list[str]:
    """What must lie directly in `public` or `private`."""
    needed = [dataset["answers"], dataset["sample_submission"]]
    inside = [path.partition("/")[2] for path in needed if path.startswith(f"{folder}/")]
    return [f"{first}/" if rest else first for first, _, rest in (path.partition("/") for path in inside)]


def _direction(folder: Path) -> str:
    """Whether the leaderboard, best first, rises or falls."""
    path = folder / "leaderboard.csv"
    refuse_pointer(path)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            scores = [float(row["score"]) for row in csv.DictReader(file) if row.get("score")]
    except (OSError, ValueError):
        scores = []
    if len(scores) < 2:
        raise UsageError(
            f"{path}, which shows whether a lower score is better, is missing or not a leaderboard; "
            "it needs a column `score` with one "
            "row for each team, best first"
        )
    return "minimize" if scores[0] < scores[-1] else "maximize"


def _checksums(folder: Path) -> dict[str, Any]:
    path = folder / _CHECKSUMS
    content = read_yaml(path) if path.exists() else None
    return (
        {part.name: content[part.name] for part in fields(ChecksumFacts) if content.get(part.name)}
        if isinstance(content, dict)
        else {}
    )
