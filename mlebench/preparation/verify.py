"""Checking prepared data again: against published md5 sums, and against what was recorded when it was prepared."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlebench.errors import WorkFailed
from mlebench.preparation.checksums import ChecksumCache, md5
from mlebench.preparation.record import PreparationRecord

if TYPE_CHECKING:
    from mlebench.registry import Competition

CheckKind = Literal["published md5", "recorded md5", "recorded content hash", "presence"]

_LARGEST_RECORDED = 2 * 2**30
_CONTENT = "content:"


@dataclass(frozen=True)
class Check:
    """One file against what is known of it."""

    path: str
    kind: CheckKind
    expected: str
    found: str | None
    """None where the file is missing."""

    @property
    def passed(self) -> bool:
        """Whether the file is what it should be."""
        return self.found == self.expected

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.path} is missing"
        return f"{self.path} differs ({self.kind} {self.expected}, found {self.found})"


@dataclass(frozen=True)
class Verification:
    """All checks of one prepared competition."""

    competition_id: str
    edition: str
    checks: tuple[Check, ...]

    @property
    def failed(self) -> list[Check]:
        """The checks that did not pass."""
        return [check for check in self.checks if not check.passed]

    def __str__(self) -> str:
        if self.failed:
            more = f"; and {len(self.failed) - 3} more" if len(self.failed) > 3 else ""
            return "; ".join(map(str, self.failed[:3])) + more
        kinds = Counter(check.kind for check in self.checks)
        return "as it should be: " + ", ".join(f"{count} by {kind}" for kind, count in kinds.items())


def verify_prepared(competition: Competition) -> Verification:
    """Check the prepared files of a competition; checksums of unchanged files come from a cache.

    Tables whose md5 was published are compared with it, unless they are of a mock. Parquet tables are compared by a hash of
    schema and values, as their bytes depend on the library that wrote them. Other files and folders are only looked for.
    """
    record = PreparationRecord.read(competition.prepared_dir)
    plan = _plan(competition, record)
    with ChecksumCache.of(competition.root) as cache, ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        checks = pool.map(lambda entry: _check(competition.prepared_dir, cache, *entry), plan)
        return Verification(competition.id, competition.edition.name, tuple(checks))


def recorded_checksums(competition: Competition, build: Path, known: dict[str, str]) -> dict[str, str]:
    """What a preparation records of its files: md5, or `content:` and the content hash of a parquet table.

    Args:
        competition: the competition.
        build: the folder with `public/` and `private/`.
        known: md5 by path that were just found.
    """
    found = {}
    for path in competition.facts.files.prepared:
        file = build / path
        if path in known:
            found[path] = known[path]
        elif file.is_file() and file.stat().st_size <= _LARGEST_RECORDED:
            found[path] = _recorded(file)
    return found


def _recorded(file: Path) -> str:
    if file.suffix == ".parquet":
        from mlebench.preparation.table_digest import table_digest

        return _CONTENT + table_digest(file)
    return md5(file)


def _plan(competition: Competition, record: PreparationRecord | None) -> list[tuple[str, CheckKind, str]]:
    recorded = record.checksums if record else {}
    published = {} if record is not None and record.mock else competition.checksums.prepared
    plan: list[tuple[str, CheckKind, str]] = []
    for path in dict.fromkeys([*competition.facts.files.prepared, *published]):
        if path in published and not path.endswith(".parquet"):
            plan.append((path, "published md5", published[path]))
        elif recorded.get(path, "").startswith(_CONTENT):
            plan.append((path, "recorded content hash", recorded[path].removeprefix(_CONTENT)))
        elif path in recorded:
            plan.append((path, "recorded md5", recorded[path]))
        else:
            plan.append((path, "presence", "there"))
    return plan


def _check(folder: Path, cache: ChecksumCache, path: str, kind: CheckKind, expected: str) -> Check:
    file = folder / path
    if not file.exists():
        return Check(path, kind, expected, None)
    if kind == "presence":
        return Check(path, kind, expected, "there")
    try:
        return Check(path, kind, expected, cache.content(file) if kind == "recorded content hash" else cache.md5(file))
    except (WorkFailed, OSError):
        return Check(path, kind, expected, "nothing that can be read")
