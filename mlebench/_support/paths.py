"""Where data, runs and the content folders lie. Only the standard library, so that every command may import it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

ContentKind = Literal["competitions", "agents", "containers"]

_EXTRA_VARIABLES = {"competitions": "MLEBENCH_COMPETITIONS_PATH", "agents": "MLEBENCH_AGENTS_PATH"}


def user_cache_dir() -> Path:
    """The operating system's folder for a user's caches."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def data_dir(override: str | os.PathLike[str] | None = None) -> Path:
    """The data directory: `override`, else `MLEBENCH_DATA_DIR`, else `mle-bench/data` in the user's cache folder."""
    chosen = override or os.environ.get("MLEBENCH_DATA_DIR")
    folder = Path(chosen) if chosen else user_cache_dir() / "mle-bench" / "data"
    return folder.expanduser().absolute()


def runs_dir(override: str | os.PathLike[str] | None = None) -> Path:
    """The folder of run groups: `override`, else `MLEBENCH_RUNS_DIR`, else `runs` in the working directory."""
    return Path(override or os.environ.get("MLEBENCH_RUNS_DIR") or "runs").expanduser().absolute()


def content_dir(kind: ContentKind) -> Path:
    """The folder of competitions, agents or containers that this installation brings along.

    A checkout holds it beside the package, an installed wheel under `mlebench/_bundled/`.
    """
    package = Path(__file__).resolve().parents[1]
    bundled = package / "_bundled" / kind
    return bundled if bundled.is_dir() else package.parent / kind


def content_dirs(kind: Literal["competitions", "agents"]) -> list[Path]:
    """The folders in which competitions or agents are looked for, those of the user first.

    A user's own stand in `MLEBENCH_COMPETITIONS_PATH` or `MLEBENCH_AGENTS_PATH`, separated as in `PATH`.
    """
    listed = os.environ.get(_EXTRA_VARIABLES[kind], "").split(os.pathsep)
    return [*(Path(entry).expanduser().absolute() for entry in listed if entry), content_dir(kind)]
