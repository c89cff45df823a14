"""Paths at which a program written for the published harness finds a file: `competition.leaderboard` and `.checksums`.

Here the first is there only once it has been fetched, and the second is a part of `competition.yaml`.
"""

from __future__ import annotations

import contextlib
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
    """A path to md5 sums as YAML, `{public: {name: md5}, private: {…}, zip: md5}`, that also has them as attributes."""

    _facts = ChecksumFacts()

    @classmethod
    def of(cls, path: Path, facts: ChecksumFacts) -> ChecksumFile:
        """Write `facts` to the file `path`, unless they stand there or it cannot be written."""
        file: ChecksumFile = cls(path)
        file._facts = facts
        if facts.prepared:
            with contextlib.suppress(OSError):
                _keep(path, facts)
        return file

    @property
    def public(self) -> dict[str, str]:
        """Md5 by path below `public/`."""
        return self._facts.public

    @property
    def private(self) -> dict[str, str]:
        """Md5 by path below `private/`."""
        return self._facts.private


def _keep(path: Path, facts: ChecksumFacts) -> None:
    import yaml

    from mlebench._support.files import write_text

    text = yaml.safe_dump(facts.stated)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
