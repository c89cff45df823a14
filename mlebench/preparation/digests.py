"""Digests of everything that grading depends on: comparing them shows whether two preparations must give the same scores."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from grading.printable import printable
from mlebench._support.checksums import ChecksumCache
from mlebench.preparation.record import PreparationRecord
from mlebench.registry import Competition
from mlebench.registry.keys import KEY_FILE

_KEPT_FROM = 2**20
"""Size from which a file's digest is stored next to the data, so that the next group need not read it again."""
_THREADS = 4
_WORDS = {
    "competition_version": "the competition's version",
    "split_key_hash": "the split key",
    "instance_hash": "the key of the data",
    "data": "the kind of data",
    "leaderboard": "the leaderboard that sets the medal thresholds",
}


def data_digests(competition: Competition) -> dict[str, Any] | None:
    """What grading a competition depends on; None if it is not prepared.

    Returns:
        `competition_version`; `split_key_hash` and `instance_hash` of the keys that the data was made from; `data`, real or
        mock; `sha256` of the files that are directly in `private/`, which graders read, and of the sample submission, by path
        below the prepared folder; `leaderboard`, its SHA-256 where medals' thresholds come from it; and `md5` of the other
        tables, as preparing recorded them, which no score depends on. A key itself has no digest here.
    """
    if not competition.answers.is_file():
        return None
    record = PreparationRecord.read(competition.prepared_dir)
    files = {_name(path, competition): path for path in _read_by_graders(competition)}
    board = competition.leaderboard if competition.facts.thresholds is None and competition.has_leaderboard else None
    with ChecksumCache.of(competition.root) as cache:
        digests = {name: _sha256(path, cache) for name, path in sorted(files.items())}
        board_digest = None if board is None else _sha256(board, cache)
    return {
        "competition_version": competition.facts.version,
        "split_key_hash": competition.edition.key_hash if record is None else record.split_key_hash,
        "instance_hash": competition.instance_hash,
        "data": competition.data_kind,
        "sha256": digests,
        "leaderboard": board_digest,
        "md5": {name: digest for name, digest in (record.checksums if record else {}).items() if name not in digests},
    }


def digests_by_id(competitions: Iterable[Competition]) -> dict[str, dict[str, Any]]:
    """`data_digests` of the competitions that are prepared, by id."""
    listed = list(competitions)
    with ThreadPoolExecutor(_THREADS) as threads:
        found = zip(listed, threads.map(data_digests, listed), strict=True)
        return {competition.id: digests for competition, digests in found if digests is not None}


def same_data(recorded: Any, competition: Competition) -> str | None:
    """Whether grading here must give the same scores as where digests were recorded.

    Args:
        recorded: what `data_digests` gave there; anybody may have written it.
        competition: the one here.

    Returns:
        None if it must, else what differs, in a few words such as `private/answers.csv differs`.
    """
    here = data_digests(competition)
    if here is None:
        return f"{competition.id} is not prepared here"
    if not isinstance(recorded, Mapping) or not isinstance(recorded.get("sha256"), Mapping):
        return "no digests of its data are recorded"
    for key, words in _WORDS.items():
        if recorded.get(key) != here[key]:
            return f"{words} differs ({_shown(recorded.get(key))} there, {_shown(here[key])} here)"
    there: Mapping[Any, Any] = recorded["sha256"]
    for name in sorted({*map(str, there), *here["sha256"]}):
        if name not in here["sha256"]:
            return f"{printable(name, 100)} is missing here"
        if name not in there:
            return f"{name} did not exist"
        if there[name] != here["sha256"][name]:
            return f"{name} differs"
    return None


def _read_by_graders(competition: Competition) -> set[Path]:
    private = Path(competition.private_dir)
    inside = {path for path in private.iterdir() if path.name != KEY_FILE and path.is_file()} if private.is_dir() else set()
    return {path for path in (*inside, Path(competition.answers), Path(competition.sample_submission)) if path.is_file()}


def _name(path: Path, competition: Competition) -> str:
    prepared = competition.prepared_dir
    return path.relative_to(prepared).as_posix() if path.is_relative_to(prepared) else path.name


def _sha256(path: Path, cache: ChecksumCache) -> str:
    if path.stat().st_size < _KEPT_FROM:
        return _read_sha256(path)
    return cache.look_up("sha256", path, _read_sha256)


def _read_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _shown(value: object) -> str:
    return "none" if value is None else printable(str(value), 20)
