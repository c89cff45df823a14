"""A competition folder that is drafted from raw data, with a leaderboard of reference methods where Kaggle has none."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support import folders
from mlebench._support.folders import PARTIAL
from mlebench._support.steps import Listener, Step, ignore
from mlebench.errors import MlebenchError, UsageError

if TYPE_CHECKING:
    from mlebench.registry import Registry
    from mlebench.scaffold.draft.origin import Origin
    from mlebench.scaffold.draft.proposal import Draft


@dataclass(frozen=True)
class Drafted:
    """A folder that was drafted."""

    folder: Path
    draft: Draft
    problem: str | None = None
    """Why it has no leaderboard, where it should have one of reference methods."""


def create_drafted(
    raw: Path,
    origin: Origin,
    folder: Path,
    registry: Registry,
    *,
    listener: Listener = ignore,
    tell: Callable[[str], None] = lambda line: None,
) -> Drafted:
    """Draft a competition and write its folder, which only ever appears complete.

    Where Kaggle has no leaderboard, the data is prepared and reference methods are scored on it.

    Args:
        raw: the unpacked data; it is only read.
        origin: what is known about it.
        folder: the folder to create; its name is the competition's id.
        registry: with the data directory.
        listener: gets what goes on.
        tell: gets sentences.

    Raises:
        CannotDraft: something cannot be worked out from the data.
        RawDataFault: the data has broken links, or what is neither a file nor a folder.
        UsageError: the folder cannot be written, or the data not be read.
    """
    from mlebench.preparation.raw_layout import require_plain
    from mlebench.scaffold.draft import draft, write_draft

    require_plain(raw)
    listener(Step(origin.id, "comparing the files"))
    found = draft(raw, origin)
    problem = None
    _make_home(folder)
    try:
        with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=folder.parent, ignore_cleanup_errors=True) as workshop:
            made = Path(workshop) / folder.name
            write_draft(found, made)
            if not origin.board:
                problem = _add_reference_board(made, raw, origin, registry, listener, tell)
            # fails where another process has made it meanwhile
            made.rename(folder)
    except OSError as error:
        if isinstance(error, PermissionError | FileExistsError | NotADirectoryError):
            raise UsageError(f"cannot write {folder} ({error.strerror}); choose another folder with `--into`") from None
        raise folders.explain(error, f"writing {folder.name}", folder.parent) from None
    finally:
        listener(Step(origin.id, ""))
    return Drafted(folder, found, problem)


def _make_home(folder: Path) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot create {folder.parent} ({error.strerror}); choose another folder with `--into`") from None


def _add_reference_board(
    made: Path, raw: Path, origin: Origin, registry: Registry, listener: Listener, tell: Callable[[str], None]
) -> str | None:
    """Give the folder `made` a leaderboard of reference methods; returns why it has none."""
    from mlebench.preparation.calls import prepare
    from mlebench.scaffold.board import reference_board, write_board

    try:
        competition = registry.load(made)
        tell(f"{origin.id}: preparing the data to score reference methods on it")
        # what an earlier draft of this name left is other data
        source = None if raw == competition.raw_dir else raw
        prepare(competition, source, keep_raw=True, force=True, listener=listener)
        listener(Step(origin.id, "scoring reference methods"))
        board = reference_board(competition, left_out=lambda name, why: tell(f"{origin.id}: {name} is left out: {why}"))
        write_board(board, made)
    except MlebenchError as error:
        return str(error)
    return None
