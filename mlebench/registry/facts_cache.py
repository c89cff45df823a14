"""Facts that were read and found valid before, in one file of the user's cache folder for each installation.

Reading YAML and validating it takes far longer than all else that listing competitions does. An entry counts as long as the file
that it was read from keeps its size and times. A cache that is damaged, of other code or in a folder that cannot be written is
passed over: it never changes what is found, only how long that takes. It is safe to delete.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from mlebench._support import paths
from mlebench._support.kept import file_state
from mlebench._support.version import VERSION

Value = TypeVar("Value")

_SETTLED_NS = 2 * 10**9
"""A file that changed so recently may change again within one tick of its times, and is read again."""
_CODE = ("facts.py", "facts_cache.py", "issues.py", "suite.py", "../_support/late_check.py", "../_support/yaml_model.py")
"""What decides which facts are valid, and what is kept of them."""
_HERE = Path(__file__).parent


def cached(path: Path, read: Callable[[Path], Value], keep: Callable[[Value], Any], restore: Callable[[Any], Value]) -> Value:
    """What `read` gives for a file, without reading it where that is known.

    Args:
        path: the file.
        read: reads and validates it; its errors are passed on, and nothing is remembered then.
        keep: makes JSON of what was read; never null.
        restore: the inverse of `keep`.
    """
    # pathlib would take most of the time that is left
    name = os.path.abspath(path)  # noqa: PTH100
    if (state := state_of(name)) is None:
        return read(path)
    known, content = _entries().get(name, ("", None))
    if known == state:
        return restore(content)
    value = read(path)
    # it may have been replaced while it was read
    if state_of(name) == state:
        _remember(name, state, keep(value))
    return value


def cache_file() -> Path:
    """The cache of this installation.

    Raises:
        RuntimeError: the user has no home.
    """
    return paths.facts_dir() / f"{hashlib.sha256(os.fsencode(_HERE)).hexdigest()[:32]}.json"


def write_cache() -> None:
    """Write what was read since the last time; nothing where the cache folder is closed, full or not there."""
    if not _unwritten:
        return
    from mlebench._support.files import replacing

    # another process may have written meanwhile, and files that are gone are of no use to anybody
    entries = {name: entry for name, entry in {**_read_cache(), **_unwritten}.items() if Path(name).exists()}
    _unwritten.clear()
    body = json.dumps(entries).encode()
    with contextlib.suppress(OSError, RuntimeError):
        file = cache_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as writing:
            writing.write(_head(body) + b"\n" + body)


_unwritten: dict[str, tuple[str, Any]] = {}


def _remember(name: str, state: str, content: Any) -> None:
    if not _unwritten:
        atexit.register(write_cache)
    _entries()[name] = _unwritten[name] = state, content


@functools.cache
def _entries() -> dict[str, tuple[str, Any]]:
    """By the path of a file: its state, and what was read there."""
    return _read_cache()


def _read_cache() -> dict[str, tuple[str, Any]]:
    """What the file holds, if this code wrote it and it is whole."""
    with contextlib.suppress(OSError, RuntimeError, ValueError, TypeError, RecursionError):
        head, _, body = cache_file().read_bytes().partition(b"\n")
        if head == _head(body):
            return {name: (state, content) for name, (state, content) in json.loads(body).items()}
    return {}


def state_of(name: str | Path) -> str | None:
    """Size and times of a file; None where it cannot be told, or where the file may change without its times telling."""
    state = file_state(name)
    if state is None or max(state.written_ns, state.changed_ns) > time.time_ns() - _SETTLED_NS:
        return None
    return " ".join(map(str, state))


def _head(body: bytes) -> bytes:
    """The first line of a cache: what wrote it, and a hash that shows whether the rest is complete."""
    return f"{_written_by()} {hashlib.sha256(body).hexdigest()}".encode()


@functools.cache
def _written_by() -> str:
    states = [(status.st_size, status.st_mtime_ns) for status in ((_HERE / name).stat() for name in _CODE)]
    return hashlib.sha256(repr((VERSION, states)).encode()).hexdigest()[:32]
