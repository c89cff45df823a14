"""What an audit found, and what it buys."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from mlebench.registry.facts import EditionName


@dataclass(frozen=True)
class Finding:
    """One leak of one competition in one edition."""

    competition: str
    edition: EditionName
    check: str
    """A name of `CHECKS`."""
    file: str
    """Its path, in the form of `SeenFile.path`; a pattern such as `test/*.jpg` for many."""
    what: str
    """One sentence with figures."""
    rows: int | None
    """Number of test rows it concerns; None if it concerns no rows."""
    share: float | None
    """The same as a share of all test rows, 0 to 1."""
    score: float | None
    """The score of a submission made from only the leak; None if none can be made."""
    baseline: float | None
    """What the same submission gets without the leak."""
    medal: str | None
    """The medal for `score`: gold, silver, bronze, or None."""
    declared: str | None
    """The name of the issue in `issues.yaml` that declares it."""

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON holds it."""
        return asdict(self)
