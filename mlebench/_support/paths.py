"""Where data, runs, sockets and the content folders lie. Imports next to nothing, so that every command may import it."""

from __future__ import annotations

import contextlib
import functools
import os
import stat
import sys
from pathlib import Path
from typing import Literal

from mlebench.errors import UsageError

ContentKind = Literal["competitions", "agents", "containers"]

_LONGEST_SOCKET_DIR = 70
"""Bytes; what comes below it has up to 35."""
_EXTRA_VARIABLES = {"competitions": "MLEBENCH_COMPETITIONS_PATH", "agents": "MLEBENCH_AGENTS_PATH"}


def data_dir(override: str | os.PathLike[str] | None = None) -> Path:
    """The data directory: `override`, else `MLEBENCH_DATA_DIR`, else `mle-bench/data` in the user's cache folder."""
    chosen = override or os.environ.get("MLEBENCH_DATA_DIR")
    return (Path(chosen) if chosen else _user_cache_dir() / "mle-bench" / "data").expanduser().absolute()


def runs_dir(override: str | os.PathLike[str] | None = None) -> Path:
    """The folder of run groups: `override`, else `MLEBENCH_RUNS_DIR`, else `runs` in the working directory."""
    return Path(override or os.environ.get("MLEBENCH_RUNS_DIR") or "runs").expanduser().absolute()


def images_dir() -> Path:
    """The folder of images as archives: `MLEBENCH_IMAGES_DIR`, else `mle-bench/images` in the user's cache folder.

    Raises:
        RuntimeError: the user has no home.
    """
    chosen = os.environ.get("MLEBENCH_IMAGES_DIR")
    return Path(chosen).expanduser().absolute() if chosen else cached_images_dir()


def cached_images_dir() -> Path:
    """The folder of images in the user's cache folder.

    Raises:
        RuntimeError: the user has no home.
    """
    return _user_cache_dir() / "mle-bench" / "images"


def facts_dir() -> Path:
    """The folder of the cached facts of competitions, in the user's cache folder.

    Raises:
        RuntimeError: the user has no home.
    """
    return _user_cache_dir() / "mle-bench" / "facts"


def compose_dir() -> Path:
    """The folder of compose files that other tools are given, in the user's cache folder; errors are those of `facts_dir`."""
    return _user_cache_dir() / "mle-bench" / "compose"


@functools.cache
def content_dir(kind: ContentKind) -> Path:
    """The folder of competitions, agents or containers that this installation brings along.

    A checkout holds it next to the package, an installed wheel under `mlebench/_bundled/`.
    """
    package = Path(__file__).resolve().parents[1]
    bundled = package / "_bundled" / kind
    return bundled if bundled.is_dir() else package.parent / kind


def content_dirs(kind: Literal["competitions", "agents"]) -> list[Path]:
    """The folders in which competitions or agents are looked for, those of the user first.

    A user's own are in `MLEBENCH_COMPETITIONS_PATH` or `MLEBENCH_AGENTS_PATH`, separated as in `PATH`.
    """
    listed = os.environ.get(_EXTRA_VARIABLES[kind], "").split(os.pathsep)
    return [*(Path(entry).expanduser().absolute() for entry in listed if entry), content_dir(kind)]


def socket_dir() -> Path:
    """This user's folder for sockets, `mlebench-<uid>` in the temporary folder; `make_private` makes it.

    In `/tmp` where the temporary folder's path is long: a socket's path may have 108 bytes at most.
    """
    import tempfile

    folder = Path(tempfile.gettempdir()) / f"mlebench-{os.getuid()}"
    return folder if len(os.fsencode(folder)) <= _LONGEST_SOCKET_DIR else Path("/tmp") / folder.name


def make_private(folder: Path) -> None:
    """Make a folder that is this user's alone, where it is not there.

    Anyone may have made one of that name in `/tmp`, and its owner can put a socket of their own in the place of ours.

    Raises:
        UsageError: what is there is no folder, belongs to another user or can be entered by others.
        OSError: it cannot be made.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise UsageError(f"{folder} is a link or a file; remove it, or set TMPDIR to a folder of your own")
    if status.st_uid != os.getuid():
        raise UsageError(f"{folder} belongs to another user; set TMPDIR to a folder of your own")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise UsageError(f"{folder} is accessible to others; restrict it with `chmod 700 {folder}`")


def _user_cache_dir() -> Path:
    # not by platformdirs: where data lies is a contract, and its releases differ in where XDG_CACHE_HOME counts
    # (4.5 leaves it out on macOS, 4.14 does not), which would lose terabytes of prepared data from sight
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
