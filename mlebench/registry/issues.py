"""Known issues of one competition: the validated `issues.yaml` of its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, TypeAdapter, ValidationError

from mlebench._support.yaml_model import faults, read_yaml
from mlebench.registry.facts import Facts, RelativePath


class Issue(Facts):
    """Something known to be wrong in edition v1, and what v2 does about it."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    kind: Literal["leak", "fault", "note"]
    """leak: tells about answers; fault: broken, or graded wrongly, in v1 as it is made here; note: makes no score wrong, as it
    lies in Kaggle's own data, is a matter of form or chance, or is fixed in v1 here, too."""
    v1: str
    v2: str
    exposes: tuple[RelativePath, ...] = ()
    """Public tables that hold answers of test rows in v1."""


_ISSUES = TypeAdapter(list[Issue])


def load_issues(path: Path) -> tuple[Issue, ...]:
    """Read and validate an `issues.yaml`, a list of issues; none where there is no such file.

    Raises:
        UsageError: naming the file, each wrong key and what was expected there.
    """
    if not path.exists():
        return ()
    try:
        return tuple(_ISSUES.validate_python(read_yaml(path)))
    except ValidationError as error:
        raise faults(path, error) from None
