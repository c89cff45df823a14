"""Takes submissions out of a sample's container. Everything there was named and written by an agent: nothing is trusted."""

from __future__ import annotations

import contextlib
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from grading.printable import printable
from mlebench._support.plain_files import kind_of
from mlebench._support.quantities import show_size
from mlebench.errors import NotSeen, UsageError, WorkFailed
from mlebench.sandbox.base import LARGEST_SUBMISSION
from mlebench.sandbox.docker import images
from mlebench.sandbox.docker.archive import ContainerArchive
from mlebench.sandbox.docker.engine import connect, failures
from mlebench.sandbox.docker.outputs import Budget, Meter, take_file, take_out

_BESIDE = 2**20
"""Bytes of other files in `submission/`, whose names may explain that there is no submission."""
_MOST_FILES = 100
_END_SECONDS = 60.0
_PATHS = ("/home", "/tmp")
"""Where a file to check may lie."""


@dataclass(frozen=True)
class TakenOut:
    """What stood in `/home/submission`."""

    folder: Path
    """Holds `submission/`; gone when the block ends."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Names below `folder` that were not kept, with the reason."""

    @property
    def submission(self) -> Path:
        """Where the submission lies, if there is one."""
        return self.folder / "submission" / "submission.csv"


def current_image(package_set: str) -> str:
    """The name of the base image.

    Raises:
        EngineUnreachable: no engine answers.
        UsageError: there is no such package set, or its image is missing or outdated.
    """
    client = connect()
    found = images.find(client, images.base_recipe(package_set, client=client))
    if found is None:
        raise UsageError(
            f"the image mlebench/base:{package_set} is missing or outdated; `mlebench images build --set {package_set}` builds it"
        )
    return found.reference


@contextlib.contextmanager
def taken_out(container_id: str) -> Iterator[TakenOut]:
    """The submission of a container, which stands still meanwhile, so that nobody writes to it.

    Raises:
        EngineUnreachable: no engine answers.
        WorkFailed: the container is gone, as no agent can make it.
        OSError: the engine breaks off, or the disk here is full.
    """
    client = connect()
    with tempfile.TemporaryDirectory(prefix="mlebench-inspect-") as folder, _paused(client, container_id):
        target = Path(folder)
        with _gone_is_failed():
            try:
                left_out = _take_out(client, container_id, target)
            except NotSeen:
                _end(client, container_id)
                target = target / "of-ended"
                left_out = _take_out(client, container_id, target)
        yield TakenOut(target, left_out)


def _end(client: Any, container_id: str) -> None:
    """End a container, so that the engine sees its files again."""
    with contextlib.suppress(*failures()):
        client.api.unpause(container_id)
    client.api.kill(container_id)
    client.api.wait(container_id, timeout=_END_SECONDS)


def _take_out(client: Any, container_id: str, target: Path) -> dict[str, str]:
    """Take the folder out; returns what was left out."""
    budget = Budget(bytes=_BESIDE, files=_MOST_FILES)
    source = ContainerArchive(client, container_id, budget.seconds)
    return take_out(source, target, ["submission"], budget, lambda _: None).left_out.of_submission


@contextlib.contextmanager
def copied(container_id: str, path: str) -> Iterator[tuple[Path | None, str]]:
    """A copy of one file, gone when the block ends, and, where there is none, why.

    Raises:
        EngineUnreachable: no engine answers.
        WorkFailed: the container is gone.
        OSError: the engine breaks off, or the disk here is full.
    """
    with tempfile.TemporaryDirectory(prefix="mlebench-inspect-") as folder:
        with _gone_is_failed():
            reason = _copy(connect(), container_id, path, target := Path(folder) / "submission.csv")
        yield (None, reason) if reason else (target, "")


def _copy(client: Any, container_id: str, path: str, target: Path) -> str:
    """Copy a file; returns why not, nothing if it was copied."""
    shown = printable(path, 300)
    place = PurePosixPath("/home") / path
    if ".." in place.parts or not any(place.is_relative_to(above) for above in _PATHS):
        return f"{shown} lies neither in /home nor in /tmp; write the file there"
    if place.suffix.lower() != ".csv":
        return f"{shown} is not a .csv file"
    from docker.errors import NotFound

    budget = Budget(bytes=0)
    source = ContainerArchive(client, container_id, budget.seconds)
    try:
        status = source.status(str(place))
        if status is None:
            return f"{shown} is missing; write a csv file"
        if not stat.S_ISREG(status.mode):
            return f"{shown} is {kind_of(status.mode)}; write a plain file"
        if status.size > LARGEST_SUBMISSION:
            return f"{shown} has {show_size(status.size)}, more than {show_size(LARGEST_SUBMISSION)}"
        why_not = take_file(source, str(place), Meter(LARGEST_SUBMISSION + _BESIDE, budget.seconds), target)
    except NotFound:
        raise
    except NotSeen:
        return f"{shown} cannot be read at the moment, as the engine does not see the container's files; submit it unchecked"
    except OSError as error:
        if error.errno is not None:
            raise
        # an archive that ends early is one of a file that somebody is writing
        return f"{shown} changed while it was read; write it under another name first and move it into place"
    return f"{shown} cannot be taken out ({printable(why_not, 300)}); try again" if why_not else ""


@contextlib.contextmanager
def _gone_is_failed() -> Iterator[None]:
    """A container that was removed fails the work, as no agent can remove it."""
    from docker.errors import NotFound

    try:
        yield
    except NotFound:
        raise WorkFailed("the container of this sample was removed before its submission was copied") from None


@contextlib.contextmanager
def _paused(client: Any, container_id: str) -> Iterator[None]:
    is_paused = False
    # a container that has ended holds what it holds
    with contextlib.suppress(*failures()):
        client.api.pause(container_id)
        is_paused = True
    try:
        yield
    finally:
        if is_paused:
            with contextlib.suppress(*failures()):
                client.api.unpause(container_id)
