"""Paths that something happens behind when their file is opened: it is written, or the reader learns which command gets it.

A program of the published harness finds a file at `competition.leaderboard` and at `competition.checksums`; here the first
is there only once it has been fetched, and the second is a part of `competition.yaml`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlebench.errors import UsageError
from mlebench.registry.facts import ChecksumFacts


class MissingFile(type(Path())):  # type: ignore[misc]
    """A path that may be shown, compared and asked whether it exists; opening it raises a `UsageError` with what helps."""

    _refusal: str | None = None

    @classmethod
    def of(cls, path: Path, refusal: str) -> Path:
        """The path `path`; `refusal` is what a reader is told as long as nothing lies there."""
        missing: MissingFile = cls(path)
        missing._refusal = refusal
        return missing

    def __fspath__(self) -> str:
        # paths derived from this one, such as its parent, are ordinary
        if self._refusal is None or Path(str(self)).exists():
            return str(self)
        raise UsageError(self._refusal)

    def exists(self, **options: Any) -> bool:
        """Whether there is something by now."""
        return Path(str(self)).exists(**options)

    def is_file(self, **options: Any) -> bool:
        """Whether there is a file by now."""
        return Path(str(self)).is_file(**options)


class ChecksumFile(type(Path())):  # type: ignore[misc]
    """A path to md5 sums as YAML, `{public: {name: md5}, private: {…}, zip: md5}`, written when it is first opened."""

    _facts: ChecksumFacts | None = None

    @classmethod
    def of(cls, path: Path, facts: ChecksumFacts) -> ChecksumFile:
        """The path `path`, to be filled with `facts`."""
        file: ChecksumFile = cls(path)
        file._facts = facts
        return file

    @property
    def public(self) -> dict[str, str]:
        """Md5 by path below `public/`."""
        return self._facts.public if self._facts else {}

    @property
    def private(self) -> dict[str, str]:
        """Md5 by path below `private/`."""
        return self._facts.private if self._facts else {}

    def __fspath__(self) -> str:
        if self._facts is not None:
            _keep(Path(str(self)), self._facts)
        return str(self)

    def exists(self, **options: Any) -> bool:
        """True where there are checksums: reading the file brings it into being."""
        return self.is_file()

    def is_file(self, **options: Any) -> bool:
        """True where there are checksums: reading the file brings it into being."""
        return bool(self._facts and self._facts.prepared) or Path(str(self)).is_file()


def _keep(path: Path, facts: ChecksumFacts) -> None:
    from mlebench._support.files import write_yaml
    from mlebench._support.yaml_model import read_yaml

    content = facts.model_dump(exclude_none=True)
    if not path.exists() or read_yaml(path) != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_yaml(path, content)
