"""A path to a file that is not there yet, whose readers learn which command gets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlebench.errors import UsageError


class MissingFile(type(Path())):  # type: ignore[misc]
    """A path that may be shown, compared and asked whether it exists; opening it raises a `UsageError` with what helps."""

    _refusal: str | None = None

    @classmethod
    def at(cls, path: Path, refusal: str) -> Path:
        """The path `path`, which nothing can be read from; `refusal` is what a reader is told."""
        missing = cls(path)
        missing._refusal = refusal
        return missing

    def __fspath__(self) -> str:
        # paths derived from this one, such as its parent, are ordinary
        if self._refusal is None:
            return str(self)
        raise UsageError(self._refusal)

    def exists(self, **options: Any) -> bool:
        """Whether there is something by now."""
        return Path(str(self)).exists(**options)

    def is_file(self, **options: Any) -> bool:
        """Whether there is a file by now."""
        return Path(str(self)).is_file(**options)
