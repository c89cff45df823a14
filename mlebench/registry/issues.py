"""Known issues of one competition: the validated `issues.yaml` of its folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from mlebench._support.late_check import LateCheck
from mlebench.registry.facts import Facts, RelativePath
from mlebench.registry.facts_cache import cached


@dataclass(frozen=True, kw_only=True)
class FoundAs(Facts):
    """What `mlebench audit` finds of an issue, so that it is declared."""

    check: Annotated[str, LateCheck("Field", pattern=r"^[a-z0-9-]+$")]
    """Name of the check."""
    file: str = "*"
    """Pattern of the file that the finding names, as `fnmatch` takes it."""
    edition: Literal["v1", "v2"] | None = None
    """Where it is found; null: in both."""


@dataclass(frozen=True, kw_only=True)
class Issue(Facts):
    """Something known to be wrong in edition v1, and what v2 does about it."""

    name: Annotated[str, LateCheck("Field", pattern=r"^[a-z0-9-]+$")]
    kind: Literal["leak", "fault", "note"]
    """leak: reveals answers; fault: broken, or graded wrongly, in v1 as it is made here; note: makes no score wrong, as it
    lies in Kaggle's own data, is a matter of form or chance, or is fixed in v1 here, too."""
    v1: str
    v2: str
    exposes: tuple[RelativePath, ...] = ()
    """Public tables that hold answers of test rows in v1."""
    found_as: tuple[FoundAs, ...] = ()
    """What an audit finds of it."""


def load_issues(path: Path) -> tuple[Issue, ...]:
    """Read and validate an `issues.yaml`, a list of issues; none where there is no such file.

    Raises:
        UsageError: naming the file, each wrong key and what was expected there.
    """
    return cached(path, _issues_in, _kept, _restored) if path.exists() else ()


def _issues_in(path: Path) -> tuple[Issue, ...]:
    from pydantic import TypeAdapter, ValidationError

    from mlebench._support.yaml_model import faults, read_yaml

    try:
        return tuple(TypeAdapter(list[Issue]).validate_python(read_yaml(path)))
    except ValidationError as error:
        raise faults(path, error) from None


def _kept(issues: Iterable[Issue]) -> list[dict[str, Any]]:
    return [asdict(issue) for issue in issues]


def _restored(content: list[dict[str, Any]]) -> tuple[Issue, ...]:
    return tuple(
        Issue(**{**issue, "exposes": tuple(issue["exposes"]), "found_as": tuple(FoundAs(**known) for known in issue["found_as"])})
        for issue in content
    )
