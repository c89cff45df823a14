"""Images as files in a folder, for machines that can neither pull nor build, such as cluster nodes or machines without Docker.

`<name>-<12 digits of the image's id>.tar` is the output of `docker save`, and the `.json` next to it is the archive's record,
which is written last, so that an archive with a record is complete. The records alone state which images a folder holds and
whether they are current; no archive is opened for that.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from grading.printable import printable
from mlebench._support.files import replacing, write_json
from mlebench._support.folders import entries_of
from mlebench._support.hints import command
from mlebench._support.plain_files import open_plain, read_plain
from mlebench._support.quantities import show_size
from mlebench.agents import AgentSpec
from mlebench.errors import UsageError, WorkFailed
from mlebench.sandbox.docker import images
from mlebench.sandbox.docker.engine import failures, summary
from mlebench.sandbox.docker.images import Image, Log
from mlebench.sandbox.docker.inventory import Inventory, StoredImage

_LARGEST_RECORD = 2**20
_BLOCK = 2**20
_TRIES = 3
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
"""The kernel's names of architectures, and those in images."""


@dataclass(frozen=True)
class Archive:
    """An image in a folder."""

    path: Path
    reference: str
    """The image's name, such as `mlebench/base:light`."""
    id: str
    """Content id from the engine that wrote it, `sha256:…`. Another kind of engine may have another id for the same content."""
    layers: tuple[str, ...]
    """Digests of its unpacked layers, lowest first: the same in every engine."""
    labels: dict[str, str] = field(default_factory=dict)
    architecture: str = ""
    """Its architecture in image terms: `amd64`, `arm64`."""
    size: int = 0
    """Size of the unpacked image in bytes."""
    file_bytes: int = 0
    file_digest: str = ""
    """`sha256:…` of the archive file."""
    written_at: str = ""
    """ISO time in UTC."""

    @property
    def fits_here(self) -> bool:
        """Whether it is for this machine's architecture."""
        machine = platform.machine()
        return self.architecture in ("", machine, _MACHINES.get(machine))


def export(client: Any, image: Image, folder: Path, log: Log) -> Archive:
    """Write an image into a folder, once.

    Args:
        client: the engine.
        image: an image in the engine.
        folder: target folder, created if missing.
        log: receives a sentence when a file is written.

    Raises:
        WorkFailed: the engine does not provide it.
        UsageError: the folder is not writable, or its disk is full.
    """
    path = folder / f"{_file_name(image.reference)}-{image.id.removeprefix('sha256:')[:12]}.tar"
    with images.only_maker(str(path)):
        found = _read_record(path.with_suffix(".json"))
        if found is not None and found.id == image.id and _is_there(found):
            return found
        log(f"writing {image.reference} to {path}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return _written(client, image, path)
        except failures() as error:
            if isinstance(error, OSError) and error.strerror:
                raise UsageError(
                    f"cannot write {path} ({error.strerror}); make room there, or choose another folder with "
                    f"{command('images', 'export', 'DIR')}"
                ) from None
            raise WorkFailed(f"the engine does not provide {image.reference}: {summary(error)}") from None


def _written(client: Any, image: Image, path: Path) -> Archive:
    """Retry if the engine loses a layer meanwhile, as it may while it removes containers of the image."""
    from docker.errors import APIError

    for _ in range(_TRIES - 1):
        try:
            return _write(client, image, path)
        except APIError as error:
            if "no such file or directory" not in summary(error):
                raise
    return _write(client, image, path)


def export_agent(client: Any, agent: AgentSpec, folder: Path, log: Log) -> Archive:
    """Write an agent's image and its base, without which another engine would rebuild it.

    Builds both if needed.

    Returns:
        the archive of the agent's image.

    Raises:
        WorkFailed, UsageError: as `export` and `images.ensure_agent_image`.
    """
    image = images.ensure_agent_image(client, agent, log)
    base = images.base_recipe(agent.package_set, client=client)
    recipe = images.agent_recipe(agent, base)
    if recipe.parent == base.tag:
        export(client, images.ensure(client, base, log), folder, log)
    return export(client, image, folder, log)


def archives(folder: Path) -> list[Archive]:
    """The archives in a folder, the newest of each name last; files without a valid record are left out."""
    found = filter(None, map(_read_record, entries_of(folder, "*.json")))
    return sorted(found, key=lambda archive: (archive.reference, archive.written_at))


def find(folder: Path, reference: str, image_id: str | None = None) -> Archive | None:
    """The newest archive of an image, or the one with an id; None if there is none."""
    fitting = [found for found in archives(folder) if found.reference == reference and image_id in (None, found.id)]
    return fitting[-1] if fitting else None


def inventory(folder: Path) -> Inventory:
    """The images of a folder, in the same form as an engine's inventory."""
    stored = ((found, StoredImage(found.id, found.labels, found.size)) for found in archives(folder))
    return Inventory({name: image for found, image in stored for name in (found.id, found.reference)})


def load(client: Any, archive: Archive, log: Log) -> Image:
    """The engine's image with the content of an archive, loaded unless it is already there.

    Args:
        client: the engine.
        archive: one of `archives`.
        log: receives a sentence when an archive is loaded.

    Raises:
        WorkFailed: the archive does not match its record, is for another architecture, or is refused by the engine.
    """
    if not archive.fits_here:
        raise WorkFailed(misfit(archive))
    with images.only_maker(archive.reference):
        before = _stored(client, archive.reference)
        if before is not None and _is_same(before, archive):
            return Image(archive.reference, before.id)
        log(f"loading {archive.reference} from {archive.path}")
        _read_in(client, archive)
        loaded = _stored(client, archive.reference)
        if loaded is None or not _is_same(loaded, archive):
            raise WorkFailed(
                f"{archive.path} does not hold the image in its record, {archive.reference} ({archive.id}); {_again(archive)}"
            )
        if before is not None and before.id != loaded.id:
            images.remove_unused(client, before.id)
    return Image(archive.reference, loaded.id)


def load_agent(client: Any, agent: AgentSpec, folder: Path, log: Log) -> Image | None:
    """An agent's image and its base, loaded from a folder unless they are there; None if the folder lacks them.

    Raises:
        WorkFailed: as `load`.
    """
    listed = inventory(folder)
    base = images.base_recipe(agent.package_set, client=listed)
    recipe = images.agent_recipe(agent, base)
    wanted = [base.tag, recipe.tag] if recipe.parent == base.tag else [recipe.tag]
    found = [archive for reference in wanted if (archive := find(folder, reference)) is not None]
    return [load(client, archive, log) for archive in found][-1] if len(found) == len(wanted) else None


def find_agent(agent: AgentSpec, folder: Path) -> Archive | None:
    """The archives of an agent's image and its base, if the folder holds current ones."""
    listed = inventory(folder)
    if not images.is_agent_built(listed, agent):
        return None
    return find(folder, images.agent_recipe(agent, images.base_recipe(agent.package_set, client=listed)).tag)


def misfit(archive: Archive) -> str:
    """A sentence on what to do about an archive for another architecture."""
    return (
        f"{archive.path} is for {printable(archive.architecture)} processors, but this machine's is {platform.machine()}; "
        f"build the image on a machine like this one, and export it there with {command('images', 'export', 'DIR')}"
    )


@contextmanager
def checked(archive: Archive) -> Iterator[IO[bytes]]:
    """The archive, opened at its beginning, after all of it was read and compared with its record.

    Raises:
        WorkFailed: it is a different file, is truncated, or cannot be read.
    """
    try:
        with open_plain(archive.path) as file:
            if os.fstat(file.fileno()).st_size != archive.file_bytes or _digest(file) != archive.file_digest:
                raise WorkFailed(
                    f"{archive.path} does not have the size of {show_size(archive.file_bytes)} stated in its record; "
                    f"{_again(archive)}"
                )
            file.seek(0)
            yield file
    except OSError as error:
        raise WorkFailed(f"cannot read {archive.path} ({error.strerror}); {_again(archive)}") from None


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def _again(archive: Archive) -> str:
    return f"copy it again, or remove it and export it again with {command('images', 'export', archive.path.parent)}"


def _write(client: Any, image: Image, path: Path) -> Archive:
    digest = hashlib.sha256()
    with replacing(path) as file:
        # by its name, so that engines that load the archive get the name, too
        for block in client.api.get_image(image.reference, chunk_size=_BLOCK):
            digest.update(block)
            file.write(block)
        file_bytes = file.tell()
        found = client.images.get(image.reference)
        if found.id != image.id:
            raise WorkFailed(f"{image.reference} was rebuilt while it was written to {path}; try again")
    archive = Archive(
        path,
        image.reference,
        image.id,
        _layers(found),
        dict(found.labels or {}),
        str(found.attrs.get("Architecture") or ""),
        int(found.attrs.get("Size") or 0),
        file_bytes,
        f"sha256:{digest.hexdigest()}",
        datetime.now(UTC).isoformat(timespec="microseconds"),
    )
    content = {key: value for key, value in asdict(archive).items() if key != "path"}
    write_json(path.with_suffix(".json"), {"archive": path.name, **content, "layers": list(archive.layers)})
    return archive


def _read_record(path: Path) -> Archive | None:
    try:
        content = json.loads(read_plain(path, _LARGEST_RECORD))
        if content.pop("archive") != path.with_suffix(".tar").name:
            return None
        read = Archive(**{**content, "path": path.with_suffix(".tar"), "layers": tuple(content["layers"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return read if _is_record(read) else None


def _is_record(read: Archive) -> bool:
    """Whether every value in an untrusted record has the right type."""
    texts = [read.reference, read.architecture, read.written_at, *read.layers]
    return (
        all(isinstance(text, str) and text.isprintable() for text in texts)
        and all(isinstance(text, str) and _DIGEST.fullmatch(text) is not None for text in (read.id, read.file_digest))
        and all(type(number) is int and number >= 0 for number in (read.size, read.file_bytes))
        and isinstance(read.labels, dict)
        and all(isinstance(text, str) for text in read.labels.values())
    )


def _is_there(archive: Archive) -> bool:
    try:
        return archive.path.stat().st_size == archive.file_bytes
    except OSError:
        return False


def _read_in(client: Any, archive: Archive) -> None:
    with checked(archive) as file:
        try:
            client.images.load(file)
        except failures() as error:
            raise WorkFailed(f"the engine does not accept {archive.path} ({summary(error)}); {_again(archive)}") from None


def _stored(client: Any, reference: str) -> Any:
    from docker.errors import ImageNotFound

    try:
        return client.images.get(reference)
    except ImageNotFound:
        return None


def _is_same(stored: Any, archive: Archive) -> bool:
    same_content = _layers(stored) == archive.layers and dict(stored.labels or {}) == archive.labels
    return bool(stored.id == archive.id or same_content)


def _layers(stored: Any) -> tuple[str, ...]:
    return tuple((stored.attrs.get("RootFS") or {}).get("Layers") or ())


def _file_name(reference: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", reference).strip("-.") or "image"
