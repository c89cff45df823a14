"""Public data on a node's own disk, fetched once for all runs of the node.

Prepared data of a cluster is on a file system that all nodes share, which a hundred agents at once read slowly. So a node may
keep a copy of what agents see, and of nothing else: answers stay where they are. The copies' paths tell nothing of what they
hold, as runs may not be meant to know (see `mlebench.preparation.obfuscated`).

An agent keeps reading when the harness is killed, so a lock cannot show whether a copy is in use: each reader leaves a mark next
to the data, and whoever calls says whether its run is over.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support.files import parse_own_json, write_json
from mlebench._support.folders import PARTIAL, folder_size, remove_tree, state_of
from mlebench._support.paths import make_private
from mlebench._support.plain_files import read_plain
from mlebench._support.quantities import show_size
from mlebench.errors import UsageError, WorkFailed
from mlebench.preparation.record import PreparationRecord
from mlebench.registry.competition import PREPARED_RECORD

if TYPE_CHECKING:
    from mlebench.registry import Competition

_ORIGIN = "origin.json"
"""Next to the data, so that no mount shows it. A copy without it is not whole."""
_READERS = "readers"
_LARGEST_MARK = 2**16
_SPARE = 2**30
"""Bytes that stay free: agents and engines write to the same disk."""
_BLOCK = 2**20
_THREADS = 8

Note = Callable[[str], None]


@dataclass(frozen=True)
class Reader:
    """An attempt that reads a copy as long as it is under way."""

    run_dir: str
    attempt: int


IsReading = Callable[[Reader], bool]


@dataclass(frozen=True)
class _Origin:
    """What a copy was made of, and what it was when it was whole."""

    source: str
    version: str
    state: str


def node_copy(competition: Competition, public: Path, folder: Path, note: Note, reader: Reader, is_reading: IsReading) -> Path:
    """The public data on this node's disk: fetched once, by one process of the node while others wait.

    A copy is used again as long as it is what was fetched, told by the sizes and times of its files, and as long as the shared
    data has not been prepared again. Otherwise it is fetched again, next to the old one, which goes once nobody reads it.

    Args:
        competition: whose data it is.
        public: its public data, or what stands for it in obfuscated runs.
        folder: where copies are kept; a folder of this user's own is made there.
        note: receives a sentence where a copy is fetched, or cannot be.
        reader: who is to read the copy.
        is_reading: whether an earlier reader still does.

    Returns:
        the copy's folder; `public` itself where the disk has no room for it.

    Raises:
        UsageError: the folder is not an absolute path, or another user owns this user's folder there.
        WorkFailed: it cannot be written, or what was read from the shared data is not what was prepared.
    """
    if not folder.is_absolute():
        raise UsageError(f"`{folder}` is not a folder on this node; pass an absolute path to `--node-data`")
    store = folder / f"mlebench-{os.getuid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        make_private(store)
        with _alone(store, public):
            copy = _find(store, competition, public, note, is_reading) or _fetch(store, competition, public, note)
            if copy is None:
                return public
            _mark(copy, reader)
            return copy / "data"
    except OSError as error:
        raise WorkFailed(
            f"the data of {competition.id} cannot be copied to {store} ({error.strerror or error}); check that disk, or "
            "resume the group with `--node-data none`"
        ) from None


@contextlib.contextmanager
def _alone(store: Path, public: Path) -> Iterator[None]:
    name = hashlib.sha256(os.fsencode(public)).hexdigest()[:16]
    with (store / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _version(competition: Competition, public: Path) -> str:
    """Distinguishes preparations without reading every file of a shared file system."""
    try:
        content = (competition.prepared_dir / PREPARED_RECORD).read_bytes()
    except OSError:
        return state_of(public)
    return hashlib.sha256(content).hexdigest()


def _find(store: Path, competition: Competition, public: Path, note: Note, is_reading: IsReading) -> Path | None:
    """The copy that is here, where it is whole and current; others of the same data are removed unless somebody reads them."""
    version = _version(competition, public)
    found, was_changed = None, False
    for copy, origin in _copies(store):
        if origin.source != str(public):
            continue
        is_whole = state_of(copy / "data") == origin.state
        is_read = _is_read(copy, is_reading)
        if is_whole and origin.version == version:
            found = copy
            continue
        was_changed = was_changed or not is_whole
        if not is_read:
            remove_tree(copy)
    if found is None and was_changed:
        note("the data on this node's disk was modified since it was copied; copying it again")
    return found


def _mark(copy: Path, reader: Reader) -> None:
    folder = copy / _READERS
    folder.mkdir(exist_ok=True)
    name = hashlib.sha256(f"{reader.run_dir}\0{reader.attempt}".encode()).hexdigest()[:32]
    write_json(folder / f"{name}.json", asdict(reader))


def _is_read(copy: Path, is_reading: IsReading) -> bool:
    """Whether somebody still reads a copy; marks of those who do no more are removed."""
    marks = list((copy / _READERS).glob("*.json"))
    over = [mark for mark in marks if (reader := _reader(mark)) is not None and not is_reading(reader)]
    for mark in over:
        mark.unlink(missing_ok=True)
    return len(over) < len(marks)


def _reader(mark: Path) -> Reader | None:
    """Who left a mark; None if it cannot be read, and then nobody knows whether it is over."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        content = parse_own_json(read_plain(mark, _LARGEST_MARK))
        return Reader(str(content["run_dir"]), int(content["attempt"]))
    return None


def _copies(store: Path) -> Iterator[tuple[Path, _Origin]]:
    for path in sorted(store.glob(f"[0-9a-f]*/{_ORIGIN}")):
        # one that another process is removing, or that somebody wrote over
        with contextlib.suppress(OSError, ValueError, TypeError):
            yield path.parent, _Origin(**parse_own_json(read_plain(path, _LARGEST_MARK)))


def _fetch(store: Path, competition: Competition, public: Path, note: Note) -> Path | None:
    """A new copy; None if the disk has no room for it."""
    prefix = f"{PARTIAL}{hashlib.sha256(os.fsencode(public)).hexdigest()[:16]}."
    for leftover in store.glob(f"{prefix}*"):
        remove_tree(leftover)
    size, free = folder_size(public), shutil.disk_usage(store).free
    if size + _SPARE > free:
        note(f"reading the data from shared storage: it takes {show_size(size)}, but {store} has {show_size(free)} free")
        return None
    with tempfile.TemporaryDirectory(prefix=prefix, dir=store, ignore_cleanup_errors=True) as aside:
        made = Path(aside) / "made"
        made.mkdir()
        version = _version(competition, public)
        _copy(public, made / "data", _digests(competition, public))
        write_json(made / _ORIGIN, asdict(_Origin(str(public), version, state_of(made / "data"))))
        target = store / secrets.token_hex(8)
        made.rename(target)
    note(f"copied the data to this node's disk ({show_size(size)})")
    return target


def _digests(competition: Competition, public: Path) -> dict[str, str]:
    """Md5 of the files that are directly in the public folder, as preparing recorded them."""
    record = PreparationRecord.read(competition.prepared_dir)
    known = record.checksums if record is not None else {}
    found = {name.removeprefix("public/"): digest for name, digest in known.items() if name.startswith("public/")}
    # tables in parquet are recorded by what they say; each obfuscated run has its own task text
    return {name: digest for name, digest in found.items() if ":" not in digest and (public / name).stat().st_size}


def _copy(source: Path, target: Path, digests: dict[str, str]) -> None:
    """Copy a folder with its files' times and modes.

    Raises:
        WorkFailed: what was read is not what was prepared, or a file changed its size meanwhile.
    """
    files: list[tuple[Path, Path, str | None]] = []
    for folder, names, found in os.walk(source):
        inside = Path(folder).relative_to(source)
        (target / inside).mkdir()
        linked = [name for name in names if Path(folder, name).is_symlink()]
        files += [(Path(folder, name), target / inside / name, digests.get(str(inside / name))) for name in [*found, *linked]]
    with ThreadPoolExecutor(_THREADS) as threads:
        for _ in threads.map(lambda file: _copy_file(*file), files):
            pass
    for folder, _, _ in os.walk(target):
        # the agent's user must be able to enter what it can enter in the prepared data
        shutil.copymode(source / os.path.relpath(folder, target), folder)


def _copy_file(source: Path, target: Path, md5: str | None) -> None:
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    digest, size = hashlib.md5(), 0
    with source.open("rb") as reader, target.open("xb") as writer:
        while block := reader.read(_BLOCK):
            writer.write(block)
            digest.update(block)
            size += len(block)
    shutil.copystat(source, target)
    if size != source.stat().st_size or (md5 is not None and digest.hexdigest() != md5):
        raise WorkFailed(f"{source} is not what was prepared, or is being changed; `mlebench prepare --verify` checks the data")
