"""Public data under a neutral path, for runs that must not learn which competition they work on.

A mount shows its path on the host to whoever is inside (`/proc/self/mountinfo`), and the path of prepared data holds the
competition's id and the edition. So such runs get the same files, as hard links where the file system has them, below
`.obfuscated/<token>/` in the data directory. The token is random: one that were made of the id could be guessed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support.folders import PARTIAL, remove_tree, state_of
from mlebench.data.links import link_tree, may_link
from mlebench.errors import WorkFailed

if TYPE_CHECKING:
    from mlebench.registry import Competition

_FOLDER = ".obfuscated"
_ORIGIN = "origin.json"
"""Next to the data, so that no mount shows it: what the data is, and in which state it was linked."""


def obfuscated_public(competition: Competition) -> Path:
    """The competition's public data below a path that names neither the competition nor its edition.

    It holds the same files but an empty `description.md`. Made once for each state of the prepared data and shared by
    all runs, of several processes as well. Takes 100,000 files in a few seconds, or as long as copying them where the file
    system has no hard links.

    Raises:
        WorkFailed: it cannot be made, as where the data directory cannot be written.
        RawDataFault: the public data vanished meanwhile.
    """
    store = competition.data_dir / _FOLDER
    state = state_of(competition.public_dir)
    try:
        with _alone(store, competition):
            if (found := _find(store, competition, state)) is None:
                _remove_outdated(store)
                found = _make(store, competition, state)
            return found
    except OSError as error:
        raise WorkFailed(
            f"the data of {competition.id} cannot be put under a path without its name in {store} ({error.strerror}); "
            "choose a writable data directory with --data-dir, or run without --obfuscated"
        ) from None


def remove_obfuscated(competition: Competition) -> None:
    """Remove what was linked from prepared data that is there no more, or was prepared again. What cannot be removed stays."""
    store = competition.data_dir / _FOLDER
    if store.is_dir():
        with contextlib.suppress(OSError), _alone(store, competition):
            _remove_outdated(store, competition)


@contextlib.contextmanager
def _alone(store: Path, competition: Competition) -> Iterator[None]:
    store.mkdir(exist_ok=True)
    with (store / f"{competition.id}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _find(store: Path, competition: Competition, state: str) -> Path | None:
    for folder, origin in _made(store):
        if origin == {"prepared": _name(competition), "state": state}:
            return folder / "data"
    return None


def _make(store: Path, competition: Competition, state: str) -> Path:
    public = competition.public_dir
    partial = f"{PARTIAL}{competition.id}."
    for leftover in store.glob(f"{partial}*"):
        remove_tree(leftover)
    with tempfile.TemporaryDirectory(prefix=partial, dir=store, ignore_cleanup_errors=True) as aside:
        made = Path(aside) / "made"
        with may_link(public):
            link_tree(public, made / "data")
        for folder, _, _ in os.walk(made / "data"):
            # the agent's user must be able to enter what it can enter in the prepared data
            shutil.copymode(public / os.path.relpath(folder, made / "data"), folder)
        # every run has a separate text in its place, and a file can only be mounted where one is
        text = made / "data" / "description.md"
        text.unlink(missing_ok=True)
        text.touch()
        (made / _ORIGIN).write_text(json.dumps({"prepared": _name(competition), "state": state}), encoding="utf-8")
        target = store / secrets.token_hex(8)
        made.rename(target)
    return target / "data"


def _remove_outdated(store: Path, prepared_again: Competition | None = None) -> None:
    """Remove what belongs to no prepared data any more."""
    for folder, origin in _made(store):
        prepared = store.parent / origin.get("prepared", "")
        is_replaced = prepared_again is not None and origin.get("prepared") == _name(prepared_again)
        if is_replaced or not (prepared / "public").is_dir():
            remove_tree(folder)


def _made(store: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    for path in sorted(store.glob(f"*/{_ORIGIN}")):
        # a folder that another process is removing
        with contextlib.suppress(OSError, ValueError):
            yield path.parent, json.loads(path.read_text(encoding="utf-8"))


def _name(competition: Competition) -> str:
    return competition.prepared_dir.relative_to(competition.data_dir).as_posix()
