"""Checking prepared data: against published md5 sums and counts, and against what was recorded when it was prepared.

Some counts are general knowledge rather than measured, so a different count is reported and stops nothing; md5 sums decide.
"""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlebench._support.checksums import ChecksumCache, md5_of
from mlebench.errors import WorkFailed
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
            return _listed(self.failed)
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


def require_published(competition: Competition, build: Path, command: str) -> dict[str, str]:
    """The published md5 of all tables that have one, which the files in `build` have too.

    Args:
        competition: the competition.
        build: the folder with `public/` and `private/`.
        command: what the user calls to go on all the same.

    Raises:
        WorkFailed: if a table differs, naming the first few and their rows.
    """
    # parquet bytes depend on the library's version
    expected = {path: md5 for path, md5 in competition.md5.prepared.items() if not path.endswith(".parquet")}
    there = [path for path in expected if (build / path).is_file()]
    found = dict(zip(there, md5_of([build / path for path in there]), strict=True))
    checks = [Check(path, "published md5", md5, found.get(path)) for path, md5 in expected.items()]
    if differing := [check for check in checks if not check.passed]:
        known = competition.facts.counts
        counts = count_differences(build, {check.path: known[check.path] for check in differing if check.path in known})
        rows = f" ({'; '.join(counts[:3])})" if counts else ""
        raise WorkFailed(
            f"{competition.id} does not come out as published: {_listed(differing)}{rows}. The raw data is not the one of 2024 "
            f"or is damaged; {command} prepares it all the same"
        )
    return expected


def recorded_checksums(build: Path, paths: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """What a preparation records of its files: md5, or `content:` and the content hash of a parquet table.

    Args:
        build: the folder with `public/` and `private/`.
        paths: the files and folders below it; folders and the largest files are left out.
        known: md5 by path that were just found.
    """
    there = {path: file for path in paths if (file := build / path).is_file()}
    files = {path: file for path, file in there.items() if path in known or file.stat().st_size <= _LARGEST_RECORDED}
    tables = {path for path in files if path.endswith(".parquet")}
    plain = [path for path in files if path not in known and path not in tables]
    found = {**known, **dict(zip(plain, md5_of([files[path] for path in plain]), strict=True))}
    return {path: f"{_CONTENT}{_content_hash(file)}" if path in tables else found[path] for path, file in files.items()}


def _content_hash(table: Path) -> str:
    from mlebench.preparation.content_hash import content_hash

    return content_hash(table)


def _listed(checks: Sequence[Check]) -> str:
    more = f"; and {len(checks) - 3} more" if len(checks) > 3 else ""
    return "; ".join(map(str, checks[:3])) + more


def _plan(competition: Competition, record: PreparationRecord | None) -> list[tuple[str, CheckKind, str]]:
    recorded = record.checksums if record else {}
    published = {} if record is not None and record.mock else competition.md5.prepared
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
        by_content = kind == "recorded content hash"
        return Check(path, kind, expected, cache.look_up("content", file, _content_hash) if by_content else cache.md5(file))
    except (WorkFailed, OSError):
        return Check(path, kind, expected, "nothing that can be read")


def count_differences(prepared: Path, expected: Mapping[str, int]) -> list[str]:
    """A sentence for each path that holds more or less than expected.

    Args:
        prepared: the folder that the paths start from.
        expected: count by path. A folder may be counted by its entries or by all files below it.
    """
    told = []
    for name, count in expected.items():
        found = _counts(prepared / name)
        if found and count not in found:
            told.append(f"{name} holds {found[0]:,}, expected {count:,}")
    return told


def _counts(path: Path) -> list[int]:
    """The counts that `path` may be said to have; none where it cannot be counted."""
    if path.is_dir():
        return [sum(1 for _ in path.iterdir()), sum(len(names) for _, _, names in os.walk(path))]
    if not path.is_file():
        return []
    # what pandas raises for tables it cannot read are ValueErrors
    with contextlib.suppress(ValueError, zipfile.BadZipFile):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                return [sum(not member.is_dir() for member in archive.infolist())]
        if path.suffix in (".csv", ".jsonl"):
            return [_rows(path)]
    return []


def _rows(path: Path) -> int:
    if path.suffix == ".jsonl":
        with path.open("rb") as file:
            return sum(1 for line in file if line.strip())
    import pandas as pd

    parts = pd.read_csv(path, usecols=[0], dtype=str, keep_default_na=False, chunksize=1_000_000)
    return sum(len(part) for part in parts)
