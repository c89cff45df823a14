"""Images in Apptainer's format (SIF): each converted once from an archive of the same image (see `docker.image_archives`).

Archives are in the folder given by `MLEBENCH_IMAGES_DIR`, which all nodes share. The SIF file is next to its archive under the
same name, or in the user's cache if that folder is not writable; the archive's record identifies the image.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlebench._support import paths
from mlebench._support.hints import command
from mlebench.agents import AgentSpec
from mlebench.errors import EngineUnreachable, MlebenchError, WorkFailed
from mlebench.sandbox.apptainer.program import Program
from mlebench.sandbox.docker import image_archives, images
from mlebench.sandbox.docker.image_archives import Archive
from mlebench.sandbox.docker.images import Log
from mlebench.sandbox.docker.listing import agent_image

_CONVERT_SECONDS = 3600.0
_ENGINE_SECONDS = 5.0


@dataclass(frozen=True)
class Sif:
    """An image that Apptainer can run."""

    path: Path
    reference: str
    """Name of the original image."""
    digest: str
    """Id of the original image, `sha256:…`."""


def problem(agent: AgentSpec, folder: Path | None = None) -> str | None:
    """Why an agent has no image here and none can be made, with a remedy; None if it has one or one can be made.

    Args:
        agent: the agent.
        folder: the folder of archives; by default `paths.images_dir()`.
    """
    folder = folder or paths.images_dir()
    try:
        image = agent_image(image_archives.inventory(folder), agent)
        if image.problem is not None:
            return image.problem
        if image.state == "current":
            return _problem_of(_archive(agent, folder))
        if _engine_is_here():
            # the engine writes the archive when the group starts
            return None
    except MlebenchError as error:
        return str(error)
    what = "is outdated" if image.state == "outdated" else "is missing"
    return (
        f"the image of agent {agent.id} {what} in {folder}; write it on a machine with Docker by "
        f"{command('images', 'export', 'DIR', agent.id)}, copy DIR to a place shared by all nodes, and set MLEBENCH_IMAGES_DIR "
        f"to it"
    )


def find(agent: AgentSpec, folder: Path | None = None) -> Sif | None:
    """The current image of an agent as a SIF file, if it exists."""
    folder = folder or paths.images_dir()
    try:
        if agent_image(image_archives.inventory(folder), agent).state != "current":
            return None
    except MlebenchError:
        return None
    return _made(_archive(agent, folder))


def any_image() -> Path | None:
    """A SIF file of any agent; None if there is none."""
    made = map(_made, image_archives.archives(paths.images_dir()))
    return next((found.path for found in made if found is not None), None)


def ensure(program: Program, agent: AgentSpec, log: Log, folder: Path | None = None) -> Sif:
    """The current image of an agent as a SIF file, converted if missing.

    Args:
        program: converts it.
        agent: the agent.
        log: receives a sentence when something is converted.
        folder: the folder of archives; by default `paths.images_dir()`.

    Raises:
        WorkFailed: it cannot be converted.
        UsageError: the folder cannot be written.
    """
    folder = folder or paths.images_dir()
    if (found := find(agent, folder)) is not None:
        return found
    if (fault := problem(agent, folder)) is not None:
        raise WorkFailed(fault)
    if agent_image(image_archives.inventory(folder), agent).state != "current":
        from mlebench.sandbox.docker.engine import connect

        image_archives.export_agent(connect(), agent, folder, log)
    return convert(program, _archive(agent, folder), log)


def convert(program: Program, archive: Archive, log: Log) -> Sif:
    """The SIF file of an archive, converted only once even with several concurrent callers.

    Raises:
        WorkFailed: the archive is damaged, Apptainer refuses it, or no target folder is writable.
    """
    if (found := _made(archive)) is not None:
        return found
    target = _writable_target(archive)
    with _only_maker(target):
        if (found := _made(archive)) is None:
            log(f"converting {archive.path} for Apptainer, which takes minutes")
            _convert(program, archive, target)
    return Sif(target, archive.reference, archive.id) if found is None else found


def _archive(agent: AgentSpec, folder: Path) -> Archive:
    listed = image_archives.inventory(folder)
    recipe = images.agent_recipe(agent, images.base_recipe(agent.package_set, client=listed))
    archive = image_archives.find(folder, recipe.tag)
    assert archive is not None
    return archive


def _problem_of(archive: Archive) -> str | None:
    if _made(archive) is not None:
        return None
    if not archive.fits_here:
        return image_archives.misfit(archive)
    if not archive.path.is_file():
        return f"{archive.path} is missing, although its record exists; copy it there, too"
    if ":" in str(archive.path):
        return f"Apptainer does not accept paths with a colon: {archive.path}; move the folder and set MLEBENCH_IMAGES_DIR to it"
    return None


def _places(archive: Archive) -> list[Path]:
    """Possible paths of the file, in order of preference."""
    name = f"{archive.path.stem}.sif"
    return [archive.path.with_name(name), paths.cached_images_dir() / name]


def _made(archive: Archive) -> Sif | None:
    for place in _places(archive):
        if archive.fits_here and place.is_file():
            return Sif(place, archive.reference, archive.id)
    return None


def _writable_target(archive: Archive) -> Path:
    for place in _places(archive):
        with contextlib.suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            if os.access(place.parent, os.W_OK):
                return place
    raise WorkFailed(
        f"{archive.path.parent} is not writable, and neither is this user's cache; set MLEBENCH_IMAGES_DIR to a copy of it"
    )


@contextlib.contextmanager
def _only_maker(target: Path) -> Iterator[None]:
    """Make nodes that share a folder convert a file only once, provided its file system supports locks."""
    with images.only_maker(str(target)), target.with_name(f".{target.name}.lock").open("a") as lock:
        # without locks, each node converts it, and the last result stays
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _convert(program: Program, archive: Archive, target: Path) -> None:
    if (fault := _problem_of(archive)) is not None:
        raise WorkFailed(fault)
    partial = target.with_name(f".{os.getpid()}.{target.name}")
    try:
        with image_archives.checked(archive):
            answer = program.ask(["build", "--force", str(partial), f"docker-archive:{archive.path}"], _CONVERT_SECONDS)
        if not answer.is_well or not partial.exists():
            raise WorkFailed(
                f"{program.name} cannot convert {archive.path} ({answer.said or 'no message'}); try it manually with "
                f"`{program.path} build test.sif docker-archive:{archive.path}`"
            )
        partial.replace(target)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _engine_is_here() -> bool:
    from mlebench.sandbox.docker.engine import connect

    try:
        connect(_ENGINE_SECONDS)
    except EngineUnreachable:
        return False
    return True
