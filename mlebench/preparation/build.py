"""Preparing one competition: in a folder of its own, renamed into place only when everything is right."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench import __version__
from mlebench._support.extras import extras_explained
from mlebench.errors import MlebenchError, UsageError, WorkFailed
from mlebench.preparation.checksums import Difference, differences
from mlebench.preparation.counts import count_differences
from mlebench.preparation.record import PreparationRecord
from mlebench.preparation.references import measure_references
from mlebench.registry.keys import draw_key, hash_of, keep_key, kept_key

if TYPE_CHECKING:
    from mlebench.registry import Competition

PARTIAL = ".partial-"
"""What begins with this beside the prepared data is half made, and removed by the next call."""


def is_prepared(competition: Competition, *, grading_only: bool = False) -> bool:
    """Whether the data of this competition and edition lies there complete.

    Args:
        grading_only: look only for what grading needs.
    """
    files = competition.facts.files
    needed = [files.answers, files.sample_submission]
    if not grading_only:
        needed += files.prepared
    return all((competition.prepared_dir / name).exists() for name in needed)


def prepare(competition: Competition, raw: Path, *, verify: bool = True, mock: bool = False) -> PreparationRecord:
    """Prepare one competition from its raw data, atomically; what stood there before is replaced.

    Data generated from a key comes from the key that was given, else from the one kept with the data that is replaced, else
    from a fresh one.

    Args:
        raw: the unpacked download; it is only read.
        verify: compare v1's tables with their published md5.
        mock: whether this is a trial: `raw` is made up, nothing is compared, and generated data gets no measured leaderboard.

    Raises:
        UsageError: if the data directory cannot be written.
        WorkFailed: if the raw data is incomplete or damaged, the disk is full, or a checksum differs.
    """
    with alone(competition):
        return prepare_alone(competition, raw, verify=verify, mock=mock)


def prepare_alone(competition: Competition, raw: Path, *, verify: bool, mock: bool, new_key: bool = False) -> PreparationRecord:
    """`prepare` for a caller that holds the competition's lock.

    Args:
        new_key: draw a fresh key even if there is one kept with the data that is replaced.
    """
    if competition.facts.keyed and competition.edition.key is None:
        kept = None if new_key else kept_key(competition.private_dir)
        competition = competition.with_key(kept or draw_key())
    with explained(competition):
        build = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=competition.root))
        try:
            build.chmod(0o755)
            record = _build(competition, raw, build, verify=verify, mock=mock)
            put_in_place(build, competition.prepared_dir)
            return record
        finally:
            shutil.rmtree(build, ignore_errors=True)


def make_mock(competition: Competition, raw: Path, *, size: int, seed: int) -> None:
    """Make a tiny raw download of the true schema in the folder `raw`."""
    import numpy as np

    raw.mkdir(parents=True, exist_ok=True)
    if not competition.facts.generated:
        with extras_explained():
            competition.mock_fn(raw, np.random.default_rng(seed), size)


def _build(competition: Competition, raw: Path, build: Path, *, verify: bool, mock: bool) -> PreparationRecord:
    from mlebench.preparation.verify import recorded_checksums

    public, private = build / "public", build / "private"
    public.mkdir()
    private.mkdir()
    competition.prepare_fn(raw, public, private)
    (public / "description.md").write_text(competition.description, encoding="utf-8")
    _require_files(competition, build)
    if competition.edition.keyed and competition.edition.key:
        keep_key(private, competition.edition.key)
        # a trial run has no use for a leaderboard, which takes most of the time
        if not mock:
            measure_references(competition, build)
    published = _verify(competition, build) if verify and not mock else {}
    uncertain = {path: count for path, count in competition.facts.counts.items() if path not in published}
    record = PreparationRecord(
        competition_id=competition.id,
        edition=competition.edition.name,
        split_key_hash=competition.edition.key_hash,
        verified=bool(published),
        mock=mock,
        harness_version=__version__,
        prepared_at=datetime.now(UTC).isoformat(timespec="seconds"),
        instance_hash=hash_of(competition.edition.key) if competition.edition.keyed and competition.edition.key else None,
        odd_counts=count_differences(build, uncertain) if published else [],
        checksums=recorded_checksums(competition, build, published),
        competition_version=competition.facts.version,
    )
    record.write(build)
    return record


def _require_files(competition: Competition, build: Path) -> None:
    missing = [name for name in competition.facts.files.prepared if not (build / name).exists()]
    if missing:
        raise WorkFailed(f"preparing {competition.id} made no {', '.join(missing)}; the raw data seems incomplete")


def _verify(competition: Competition, build: Path) -> dict[str, str]:
    """The published md5 of all tables that have one, which the files in `build` have too."""
    # parquet bytes depend on the library's version
    expected = {path: md5 for path, md5 in competition.checksums.prepared.items() if not path.endswith(".parquet")}
    if differing := differences(build, expected):
        known = competition.facts.counts
        counts = {entry.path: known[entry.path] for entry in differing if entry.path in known}
        raise WorkFailed(_explain_differences(competition, differing, count_differences(build, counts)))
    return expected


def _explain_differences(competition: Competition, differing: list[Difference], counts: list[str]) -> str:
    listed = "; ".join(map(str, differing[:3])) + (f"; and {len(differing) - 3} more" if len(differing) > 3 else "")
    rows = f" ({'; '.join(counts[:3])})" if counts else ""
    return (
        f"{competition.id} does not come out as published: {listed}{rows}. The raw data is not the one of 2024 or is damaged; "
        f"`mlebench prepare {competition.id} --no-verify` prepares it all the same"
    )


def put_in_place(made: Path, target: Path) -> None:
    """Give a complete folder its name, on the same file system; what stood there is removed."""
    if target.exists():
        with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=target.parent, ignore_cleanup_errors=True) as old:
            target.rename(Path(old) / "old")
            made.rename(target)
    else:
        made.rename(target)


@contextlib.contextmanager
def alone(competition: Competition, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the competition's lock, so that two processes never work on its data at once; the second waits.

    What a killed process left half made is removed first.

    Args:
        competition: the competition.
        waiting: called before waiting for another process.

    Raises:
        UsageError: if the data directory cannot be written.
    """
    with contextlib.ExitStack() as stack:
        with explained(competition):
            competition.root.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((competition.root / ".lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in competition.root.glob(f"{PARTIAL}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield


@contextlib.contextmanager
def explained(competition: Competition, doing: str = "preparing") -> Iterator[None]:
    """Turn errors of the file system and missing packages into one sentence for the user; `doing` tells what failed."""
    try:
        with extras_explained():
            yield
    except OSError as error:
        raise _as_user_error(error, competition, doing) from None


def _as_user_error(error: OSError, competition: Competition, doing: str) -> MlebenchError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorkFailed(
            f"the disk is full while {doing} {competition.id} in {competition.root}; nothing is lost: make space and call again"
        )
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR):
        place = Path(str(error.filename or competition.root))
        if not (place.is_relative_to(competition.root) or competition.root.is_relative_to(place)):
            return UsageError(f"cannot use {place} ({error.strerror}); make it readable for this user and call again")
        return UsageError(f"cannot write {place} ({error.strerror}); choose another place with --data-dir")
    if isinstance(error, FileNotFoundError) and error.filename and competition.root.is_relative_to(error.filename):
        return UsageError(f"cannot make the folder {error.filename}; choose another place with --data-dir")
    if isinstance(error, FileNotFoundError):
        return WorkFailed(f"{error.filename} is missing from the raw data of {competition.id}; download it again")
    return WorkFailed(f"{doing} {competition.id} failed: {error}")


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(entry.stat().st_size for entry in _files(folder))


def _files(folder: Path) -> Iterator[os.DirEntry[Any]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                yield entry
