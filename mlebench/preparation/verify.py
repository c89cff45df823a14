"""Checking prepared data: against published md5 sums and counts, and against what was recorded when it was prepared.

Md5 sums decide of a table that has one. Counts show that no part of the data is missing where there is none, as in v2.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from grading.wording import counted
from mlebench._support.checksums import ChecksumCache, md5_of
from mlebench.errors import WorkFailed
from mlebench.preparation.record import PreparationRecord
from mlebench.registry.facts import paths_counted

if TYPE_CHECKING:
    from mlebench.registry import Competition

CheckKind = Literal["published md5", "recorded md5", "recorded content hash", "count", "presence"]

UNKNOWN = "competition.yaml states neither md5 nor counts, so missing rows and files cannot be detected"

_LARGEST_RECORDED = 2 * 2**30
_CONTENT = "content:"


@dataclass(frozen=True)
class Check:
    """One file, or what several hold together, against what is known of it."""

    path: str
    """As the facts name it; several are joined by ` + `."""
    kind: CheckKind
    expected: str
    found: str | None
    """None if the file is missing."""

    @property
    def passed(self) -> bool:
        """Whether the file is what it should be."""
        return self.found == self.expected

    @property
    def holds_more(self) -> bool:
        """Of a count: whether more is there than expected."""
        return self.kind == "count" and self.found is not None and int(self.found) > int(self.expected)

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.path} is missing"
        if self.kind == "count":
            paths = paths_counted(self.path)
            holds = f"{paths[0]} holds" if len(paths) == 1 else f"{' and '.join(paths)} together hold"
            return f"{holds} {counted(int(self.found), _unit(paths[0]))}, expected {int(self.expected):,}"
        return f"{self.path} differs ({self.kind} {self.expected}, found {self.found})"


@dataclass(frozen=True)
class Verification:
    """All checks of one prepared competition."""

    competition_id: str
    edition: str
    checks: tuple[Check, ...]
    mock: bool = False
    """Whether the data is made up, so that nothing is known of how much of it there should be."""

    @property
    def failed(self) -> list[Check]:
        """The checks that did not pass."""
        return [check for check in self.checks if not check.passed]

    def __str__(self) -> str:
        if self.failed:
            return _listed(self.failed)
        kinds = Counter(check.kind for check in self.checks)
        told = "passed: " + ", ".join(f"{count} by {kind}" for kind, count in kinds.items())
        if self.mock:
            return f"{told}; mock data"
        return told if kinds["published md5"] or kinds["count"] else f"{told}; {UNKNOWN}"


def verify_prepared(competition: Competition) -> Verification:
    """Check the prepared files of a competition; checksums of unchanged files come from a cache.

    Tables whose md5 was published are compared with it, and all else that the facts count is counted, unless it is of a mock.
    Parquet tables are compared by a hash of schema and values, as their bytes depend on the library that wrote them. Other files
    and folders are only looked for.
    """
    record = PreparationRecord.read(competition.prepared_dir)
    mock = record is not None and record.mock
    plan = _plan(competition, record)
    uncertain = (
        {}
        if mock
        else {paths: count for paths, count in competition.facts.counts.items() if paths not in _published(competition)}
    )
    with ChecksumCache.of(competition.root) as cache:
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            checks = list(pool.map(lambda entry: _check(competition.prepared_dir, cache, *entry), plan))
        checks += check_counts(competition.prepared_dir, uncertain, cache)
    return Verification(competition.id, competition.edition.name, tuple(checks), mock)


def require_published(competition: Competition, build: Path, command: str) -> dict[str, str]:
    """The published md5 of all tables that have one, which the files in `build` have too.

    Args:
        competition: the competition.
        build: the folder with `public/` and `private/`.
        command: what the user calls to go on all the same.

    Raises:
        WorkFailed: if a table differs, naming the first few and their rows.
    """
    expected = _published(competition)
    there = [path for path in expected if (build / path).is_file()]
    found = dict(zip(there, md5_of([build / path for path in there]), strict=True))
    checks = [Check(path, "published md5", md5, found.get(path)) for path, md5 in expected.items()]
    if differing := [check for check in checks if not check.passed]:
        known = competition.facts.counts
        counts = check_counts(build, {check.path: known[check.path] for check in differing if check.path in known})
        odd = [str(check) for check in counts if not check.passed]
        rows = f" ({'; '.join(odd[:3])})" if odd else ""
        raise WorkFailed(
            f"the prepared data differs from the published data: {_listed(differing)}{rows}. The raw data is not that of 2024 "
            f"or is damaged; {command} prepares it anyway"
        )
    return expected


def require_counts(differing: Sequence[Check], command: str) -> None:
    """Refuse data that holds more or less than the real download comes to.

    Args:
        differing: the counts that differ.
        command: what the user calls to go on all the same.

    Raises:
        WorkFailed: if there are any, naming the first few.
    """
    if differing:
        raise WorkFailed(
            f"{_listed(differing)}. The raw data is incomplete or not that of 2024; download it again, or prepare it "
            f"anyway with {command}"
        )


def _published(competition: Competition) -> dict[str, str]:
    """Published md5 of tables whose bytes do not depend on the version of a library, as those of parquet do."""
    return {path: md5 for path, md5 in competition.md5.prepared.items() if not path.endswith(".parquet")}


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


def _unit(path: str) -> str:
    """What is counted at a path of the facts."""
    if path.endswith("/"):
        return "file"
    return "row" if re.search(r"\.(csv|tsv|jsonl?)\b", path) else "member"


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
        return Check(path, kind, expected, "an unreadable file")


def uncertain_counts(competition: Competition, published: Mapping[str, str]) -> dict[str, int]:
    """What the facts count next to the files of which the md5 decides."""
    return {paths: count for paths, count in competition.facts.counts.items() if paths not in published}


def check_counts(prepared: Path, expected: Mapping[str, int], cache: ChecksumCache | None = None) -> list[Check]:
    """Count what the facts count; what cannot be counted is left out.

    Args:
        prepared: the folder that the paths start from.
        expected: count by path, or by several paths joined by ` + `. A folder may be counted by its entries or by all files
            below it, an archive of one table by that or by its rows.
        cache: spares counting unchanged files again.
    """
    checks = []
    for paths, count in expected.items():
        ways = [_cached_counts(prepared / path, cache) for path in paths_counted(paths)]
        if found := [sum(numbers) for numbers in zip(*_of_one_length(ways), strict=True)]:
            checks.append(Check(paths, "count", str(count), str(count if count in found else found[0])))
    return checks


def _of_one_length(counts: Sequence[list[int]]) -> list[list[int]]:
    """The ways to count each path, the last one repeated where another path has more; none if one cannot be counted."""
    if not all(counts):
        return []
    ways = max(map(len, counts))
    return [numbers + numbers[-1:] * (ways - len(numbers)) for numbers in counts]


def _cached_counts(path: Path, cache: ChecksumCache | None) -> list[int]:
    if cache is None or not path.is_file():
        return counts_of(path)
    text = cache.look_up("count", path, lambda file: " ".join(map(str, counts_of(file))))
    return [int(number) for number in text.split()]


def counts_of(path: Path) -> list[int]:
    """The counts that a file or folder may be said to have; none if it cannot be counted."""
    if path.is_dir():
        return [sum(1 for _ in path.iterdir()), sum(len(names) for _, _, names in os.walk(path))]
    # what pandas and json raise for tables they cannot read are ValueErrors
    with contextlib.suppress(ValueError, OSError, EOFError, zipfile.BadZipFile, ModuleNotFoundError):
        if path.suffix == ".zip":
            return _counts_of_zip(path)
        if path.suffix == ".7z":
            return _counts_of_7z(path)
        if path.suffix == ".parquet":
            from pyarrow import parquet

            return [parquet.ParquetFile(path).metadata.num_rows]
        if path.suffix == ".csv":
            from mlebench.data.large_tables import proven_row_count

            if (count := proven_row_count(path)) is not None:
                return [count]
        with path.open("rb") as file:
            return _rows(file, path.suffix)
    return []


def _counts_of_zip(path: Path) -> list[int]:
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            return [len(members)]
        with archive.open(members[0]) as file:
            return [1, *_rows(file, Path(members[0].filename).suffix)]


def _counts_of_7z(path: Path) -> list[int]:
    import py7zr

    with py7zr.SevenZipFile(path) as packed, tempfile.TemporaryDirectory(prefix=".counted-", dir=path.parent) as folder:
        members = [member.filename for member in packed.files if not member.is_directory]
        if len(members) != 1:
            return [len(members)]
        packed.extractall(folder)
        with (Path(folder) / members[0]).open("rb") as file:
            return [1, *_rows(file, Path(members[0]).suffix)]


def _rows(file: IO[bytes], kind: str) -> list[int]:
    """The number of rows of a table in a file of this kind; none if it is not a table."""
    if kind in (".csv", ".tsv"):
        import pandas as pd

        options: Any = {"usecols": [0], "dtype": str, "keep_default_na": False, "chunksize": 1_000_000}
        return [sum(len(part) for part in pd.read_csv(file, sep="\t" if kind == ".tsv" else ",", **options))]
    if kind == ".json" and file.peek(1)[:1] == b"[":  # type: ignore[attr-defined]
        return [len(json.load(file))]
    if kind in (".json", ".jsonl"):
        whole = [line.startswith(b"{") and line.rstrip().endswith(b"}") for line in file if line.strip()]
        # one object spanning many lines is not a table
        return [len(whole)] if all(whole) else []
    if kind == ".txt":
        return [sum(1 for line in file if line.strip())]
    return []
