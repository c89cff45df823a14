"""Bodies of answers that are sent many times: with their tags, and compressed once."""

from __future__ import annotations

import gzip
import hashlib
from importlib.resources import files
from typing import NamedTuple

HTML = "text/html; charset=utf-8"
_PACKAGES = ("mlebench.reports", "mlebench.reports.view")
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_LEVEL = 5


class Prepared(NamedTuple):
    """One body, ready to be sent."""

    status: int
    type: str
    body: bytes
    compressed: bytes
    """The same by gzip."""
    tag: str
    """Its strong ETag, without quotes."""

    @classmethod
    def of(cls, status: int, type: str, body: bytes) -> Prepared:
        """Compress and tag a body."""
        return cls(status, type, body, gzip.compress(body, _LEVEL, mtime=0), hashlib.sha256(body).hexdigest()[:32])

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return len(self.body) + len(self.compressed)


def static_files() -> dict[str, Prepared]:
    """The style sheets and scripts of the pages by name, as they are in the package."""
    found = {}
    for package in _PACKAGES:
        for entry in files(package).iterdir():
            if kind := _TYPES.get(entry.name.rpartition(".")[2]):
                found[entry.name] = Prepared.of(200, kind, entry.read_bytes())
    return found
