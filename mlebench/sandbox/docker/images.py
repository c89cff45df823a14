"""Container images: what each is built from, whether the one here is current, and how it is built.

Two layers: a base per package set (`mlebench/base:light`), and on it an image per agent that has a Dockerfile. An
agent that names a ready-made image gets the base's tools laid over that image. What several agents need for their
builds is a stage (`containers/stages`), from which their Dockerfiles copy. Every image carries a label with the hash
of its recipe and the id of its parent, so that a changed recipe is noticed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grading.printable import printable
from mlebench._support.hints import alternatives
from mlebench._support.one_maker import one_maker
from mlebench._support.paths import content_dir
from mlebench.agents import AgentSpec, file_digest
from mlebench.errors import UsageError, WorkFailed
from mlebench.sandbox.docker.engine import failures, summary
from mlebench.sandbox.docker.inventory import Inventory, StoredImage

DEFAULT_PARENT = "python:3.11-slim-bookworm"
GPU_PARENT = "nvidia/cuda:12.6.3-cudnn-runtime-ubuntu24.04"
RECIPE_LABEL, PARENT_LABEL, PARENT_ID_LABEL = "mlebench.recipe", "mlebench.parent", "mlebench.parent-id"
_LONGEST_TAG_PART = 60
_NOT_IN_IMAGES = ("entrypoint.py",)
"""Of what runs beside agents, the files that walls without an image show by themselves."""
_NEVER_SENT = [".env", "**/.env", ".git", "**/__pycache__", "**/*.pyc"]
"""Not even by accident does a secret or a cache become a layer."""

Log = Callable[[str], None]


@dataclass(frozen=True)
class Image:
    """A built image."""

    reference: str
    """The name it is run by, such as `mlebench/base:light`."""
    id: str
    """Its content's digest, `sha256:…`."""


@dataclass(frozen=True)
class Recipe:
    """All that decides what is in an image, its parent's content aside."""

    tag: str
    parent: str
    context: Path
    files: tuple[str, ...]
    """Paths in `context` that are sent to the engine, sorted."""
    arguments: Mapping[str, str]
    stages: tuple[Recipe, ...] = ()
    """Images that the Dockerfile copies from."""
    dockerfile: str = "Dockerfile"

    @property
    def hash(self) -> str:
        """A hash of the arguments, of every file's name, mode and content, and of the stages."""
        digest = hashlib.sha256(json.dumps(dict(sorted(self.arguments.items()))).encode())
        for stage in self.stages:
            digest.update(f"\0{stage.hash}".encode())
        for name in self.files:
            path = self.context / name
            if path.is_file():
                executable = os.access(path, os.X_OK) or name.endswith(".sh")
                digest.update(f"\0{name}\0{executable}\0".encode() + file_digest(path))
        return digest.hexdigest()[:16]


def package_sets() -> list[str]:
    """Names of the package sets that a base can be built with."""
    return sorted(path.stem for path in (content_dir("containers") / "packages").glob("*.txt") if path.stem != "none")


def stage_names() -> list[str]:
    """Names of the build stages that Dockerfiles of agents can copy from."""
    return sorted(path.parent.name for path in (content_dir("containers") / "stages").glob("*/Dockerfile"))


def base_recipe(package_set: str = "light", parent: str | None = None, client: Any = None) -> Recipe:
    """How the base image of a package set is built.

    Args:
        package_set: one of `package_sets()`.
        parent: the image to build on; by default the variable `MLEBENCH_BASE_IMAGE`, else what the base that is
            here was built on, else a CPython image.
        client: the engine to look for that base, or its `Inventory`.

    Raises:
        UsageError: there is no such package set.
    """
    if package_set not in package_sets():
        raise UsageError(
            f"there is no package set `{package_set}`; choose one with `mlebench images build --set {'|'.join(package_sets())}`"
        )
    tag = f"mlebench/base:{package_set}"
    parent = parent or os.environ.get("MLEBENCH_BASE_IMAGE") or _label(client, tag, PARENT_LABEL) or DEFAULT_PARENT
    return _layer_over(parent, package_set, tag)


def agent_recipe(agent: AgentSpec, base: Recipe) -> Recipe:
    """How an agent's image is built: its Dockerfile on the base, or the tools alone on a ready-made image.

    An agent with neither runs in the base itself.

    Raises:
        UsageError: it names a build stage that does not exist, or its image by an argument that is not set.
    """
    ready = agent.resolve_image()
    if ready is not None:
        name = hashlib.sha256(ready.encode()).hexdigest()[:12]
        return _layer_over(ready, "none", f"mlebench/ready-made:{name}")
    if not (agent.directory / "Dockerfile").is_file():
        return base
    tag = f"mlebench/agent-{_tag_part(agent.name)}:{agent.package_set}"
    for name in agent.stages:
        if name not in stage_names():
            raise UsageError(
                f"agent {agent.id} builds on the stage `{printable(name)}`, which does not exist; "
                f"`stages` of its agent.yaml may name {alternatives(stage_names())}"
            )
    stages = {name: stage_recipe(name, base) for name in agent.stages}
    arguments = {"BASE": base.tag, **{name.upper(): stage.tag for name, stage in stages.items()}}
    return Recipe(tag, base.tag, agent.directory, _sent_files(agent.directory), arguments, tuple(stages.values()))


def stage_recipe(name: str, base: Recipe) -> Recipe:
    """How a build stage is made, on the image that the base itself stands on: a changed base leaves it as it is.

    `name` is one of `stage_names()`.
    """
    context = content_dir("containers")
    folder = context / "stages" / name
    files = [path.relative_to(context).as_posix() for path in folder.iterdir() if path.is_file()]
    parent = base.arguments["PARENT"]
    tag = f"mlebench/stage-{name}:{hashlib.sha256(parent.encode()).hexdigest()[:12]}"
    dockerfile = f"stages/{name}/Dockerfile"
    sent = tuple(sorted([*files, "runtime/install_tools.sh"]))
    return Recipe(tag, parent, context, sent, {"PARENT": parent}, dockerfile=dockerfile)


def find(client: Any, recipe: Recipe) -> Image | None:
    """The image of this recipe, if the one that is here is current; `client` is the engine or its `Inventory`."""
    found = _inspect(client, recipe.tag)
    if found is None:
        return None
    parent = _inspect(client, recipe.parent)
    # a parent that was removed since cannot have changed
    same_parent = parent is None or parent.id == found.labels.get(PARENT_ID_LABEL)
    return Image(recipe.tag, found.id) if found.labels.get(RECIPE_LABEL) == recipe.hash and same_parent else None


def build(client: Any, recipe: Recipe, log: Log, network: str | None = None) -> Image:
    """Build an image and label it.

    Args:
        client: the engine.
        recipe: what to build.
        log: receives the engine's progress, line by line.
        network: the network of the build; by default the variable `MLEBENCH_BUILD_NETWORK`, else the engine's default.

    Raises:
        WorkFailed: the build failed; the message holds its last lines.
    """
    with only_maker(recipe.tag):
        return _build(client, recipe, log, network)


def only_maker(name: str) -> AbstractContextManager[None]:
    """Be the only one who makes what `name` stands for: runs that start together, in one harness or several, do not all build
    the same image."""
    return one_maker(f"image-{hashlib.sha256(name.encode()).hexdigest()[:16]}")


def _build(client: Any, recipe: Recipe, log: Log, network: str | None = None) -> Image:
    for stage in recipe.stages:
        ensure(client, stage, log)
    parent = _pull_missing(client, recipe.parent, log)
    before = _inspect(client, recipe.tag)
    labels = {RECIPE_LABEL: recipe.hash, PARENT_LABEL: recipe.parent, PARENT_ID_LABEL: parent.id}
    events = client.api.build(
        fileobj=_pack(recipe),
        custom_context=True,
        dockerfile=recipe.dockerfile,
        tag=recipe.tag,
        buildargs=dict(recipe.arguments),
        labels=labels,
        network_mode=network or os.environ.get("MLEBENCH_BUILD_NETWORK"),
        rm=True,
        forcerm=True,
        decode=True,
    )
    _follow(events, recipe.tag, log)
    built = _inspect(client, recipe.tag)
    if built is None:
        raise WorkFailed(f"the engine built {recipe.tag} and does not have it; try again with `mlebench images build`")
    if before is not None and before.id != built.id:
        remove_unused(client, before.id)
    return Image(recipe.tag, built.id)


def ensure(client: Any, recipe: Recipe, log: Log) -> Image:
    """The current image of a recipe, built if it is missing or its recipe has changed.

    Raises:
        WorkFailed: the build failed.
    """
    if (found := find(client, recipe)) is not None:
        return found
    with only_maker(recipe.tag):
        # another may have built it meanwhile
        return find(client, recipe) or _build(client, recipe, log)


def ensure_agent_image(client: Any, agent: AgentSpec, log: Log, rebuild: bool = False) -> Image:
    """The current image of an agent; its base is built too where needed.

    Args:
        client: the engine.
        agent: the agent.
        log: receives the progress of builds.
        rebuild: build the agent's image even when it is current.

    Raises:
        WorkFailed: a build failed.
        UsageError: the agent asks for a package set that does not exist.
    """
    base = base_recipe(agent.package_set, client=client)
    recipe = agent_recipe(agent, base)
    if recipe.parent == base.tag:
        ensure(client, base, log)
    return build(client, recipe, log) if rebuild else ensure(client, recipe, log)


def is_agent_built(client: Any, agent: AgentSpec) -> bool:
    """Whether the agent's image and the base under it are there and current; `client` is the engine or its `Inventory`."""
    base = base_recipe(agent.package_set, client=client)
    recipe = agent_recipe(agent, base)
    return find(client, recipe) is not None and (recipe.parent != base.tag or find(client, base) is not None)


def _layer_over(parent: str, package_set: str, tag: str) -> Recipe:
    context = content_dir("containers")
    found = (path for path in (context / "runtime").rglob("*") if path.is_file() and path.suffix != ".pyc")
    found = (path for path in found if path.name not in _NOT_IN_IMAGES)
    runtime = [path.relative_to(context).as_posix() for path in found]
    files = tuple(sorted(["Dockerfile", f"packages/{package_set}.txt", *runtime]))
    return Recipe(tag, parent, context, files, {"PARENT": parent, "PACKAGES": package_set})


def _sent_files(folder: Path) -> tuple[str, ...]:
    from docker.utils import exclude_paths

    ignore = folder / ".dockerignore"
    written = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
    patterns = [line.strip() for line in written if line.strip() and not line.startswith("#")]
    return tuple(sorted(exclude_paths(str(folder), [*patterns, *_NEVER_SENT], "Dockerfile")))


def _pack(recipe: Recipe) -> io.BytesIO:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in recipe.files:
            archive.add(recipe.context / name, name, recursive=False, filter=_anonymous)
    packed.seek(0)
    return packed


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    # an installed package may have lost the mode of its scripts
    member.mode = 0o755 if member.mode & 0o100 or member.name.endswith(".sh") else 0o644
    return member


def _pull_missing(client: Any, reference: str, log: Log) -> StoredImage:
    found = _inspect(client, reference)
    if found is not None:
        return found
    log(f"pulling {reference}")
    try:
        return _stored(client.images.pull(*_name_and_tag(reference)))
    except failures() as error:
        raise WorkFailed(
            f"image {reference} is not here and cannot be pulled ({summary(error)}); "
            "build on one that is here with `mlebench images build --base IMAGE`"
        ) from None


def _name_and_tag(reference: str) -> tuple[str, str | None]:
    if "@" in reference:
        return reference, None
    name, separator, tag = reference.rpartition(":")
    return (name, tag) if separator and "/" not in tag else (reference, "latest")


def _follow(events: Iterator[dict[str, Any]], tag: str, log: Log) -> None:
    last: list[str] = []
    try:
        for event in events:
            text = str(event.get("stream") or event.get("status") or event.get("error") or "").strip()
            for line in text.splitlines():
                log(line)
            last = [*last, *text.splitlines()][-5:]
            if "error" in event:
                raise WorkFailed(f"building {tag} failed: {' | '.join(last)}")
    except failures() as error:
        raise WorkFailed(f"building {tag} failed: {summary(error)}") from None


def _inspect(client: Any, reference: str) -> StoredImage | None:
    if isinstance(client, Inventory):
        return client.get(reference)
    from docker.errors import ImageNotFound

    try:
        return _stored(client.images.get(reference))
    except ImageNotFound:
        return None


def _stored(image: Any) -> StoredImage:
    return StoredImage(image.id, image.labels or {}, int(image.attrs.get("Size") or 0))


def _label(client: Any, tag: str, label: str) -> str | None:
    found = _inspect(client, tag) if client is not None else None
    return found.labels.get(label) if found is not None else None


def remove_unused(client: Any, image_id: str) -> None:
    """Remove an image whose name another one has now, unless something stands on it."""
    from docker.errors import APIError

    try:
        client.images.remove(image_id)
    except APIError:
        # a container or another image still stands on it
        return


def _tag_part(name: str) -> str:
    """An agent's name in the name of its image, which takes fewer letters than a folder's name."""
    if re.fullmatch(r"[a-z0-9]+([._-][a-z0-9]+)*", name) and len(name) <= _LONGEST_TAG_PART:
        return name
    part = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_LONGEST_TAG_PART].strip("-") or "agent"
    return f"{part}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"
