"""Container images: what each is built from, whether it is current here, and how it is built.

Two layers: a base per package set (`mlebench/base:light`), and on it an image for each agent with a Dockerfile. An agent that
specifies a ready-made image gets the base's tools added to that image. What several agents need for their builds is a stage
(`containers/stages`), from which their Dockerfiles copy. Every image carries a label with the hash of its recipe and the id of
its parent, so that a changed recipe is noticed.
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
from mlebench._support.steps import Listener, Step, ignore
from mlebench.agents import AgentSpec, file_digest
from mlebench.errors import UsageError, WorkFailed
from mlebench.sandbox.docker.engine import failures, summary
from mlebench.sandbox.docker.inventory import Inventory, StoredImage

DEFAULT_PARENT = "python:3.11-slim-bookworm"
GPU_PARENT = "nvidia/cuda:12.6.3-cudnn-runtime-ubuntu24.04"
RECIPE_LABEL, PARENT_LABEL, PARENT_ID_LABEL = "mlebench.recipe", "mlebench.parent", "mlebench.parent-id"
_LONGEST_TAG_PART = 60
_DOCKERFILE_STEP = re.compile(r"Step (\d{1,4})/(\d{1,4}) : ")
_UNSEEN = re.compile(r"failed: l?stat /\S*/overlay2/\w+/merged/\S*: no such file or directory$")
"""Docker before BuildKit sometimes unmounts its own view of a stage from which it copies."""
_MOST_BUILDS = 3
_NOT_IN_IMAGES = ("entrypoint.py",)
"""Runtime files that sandboxes without an image mount themselves."""
_NEVER_SENT = [".env", "**/.env", ".git", "**/__pycache__", "**/*.pyc"]
"""Excluded so that a secret or a cache never becomes a layer by accident."""

Log = Callable[[str], None]


@dataclass(frozen=True)
class Image:
    """A built image."""

    reference: str
    """Its name, such as `mlebench/base:light`."""
    id: str
    """Digest of its content, `sha256:…`."""


@dataclass(frozen=True)
class Recipe:
    """Everything that determines an image's content, apart from its parent's."""

    tag: str
    parent: str
    context: Path
    files: tuple[str, ...]
    """Paths in `context` sent to the engine, sorted."""
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
    """Names of the package sets for base images."""
    return sorted(path.stem for path in (content_dir("containers") / "packages").glob("*.txt") if path.stem != "none")


def stage_names() -> list[str]:
    """Names of the build stages that agents' Dockerfiles can copy from."""
    return sorted(path.parent.name for path in (content_dir("containers") / "stages").glob("*/Dockerfile"))


def base_recipe(package_set: str = "light", parent: str | None = None, client: Any = None) -> Recipe:
    """How the base image of a package set is built.

    Args:
        package_set: one of `package_sets()`. parent: the image to build on; by default the variable `MLEBENCH_BASE_IMAGE`, else
        the parent of the existing base, else a CPython image. client: the engine with that base, or its `Inventory`.

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
    """How an agent's image is built: its Dockerfile on the base, or only the tools on a ready-made image.

    An agent with neither runs in the base itself.

    Raises:
        UsageError: it specifies a build stage that does not exist, or its image by an argument that is not set.
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
                f"`stages` in its agent.yaml may list {alternatives(stage_names())}"
            )
    stages = {name: stage_recipe(name, base) for name in agent.stages}
    arguments = {"BASE": base.tag, **{name.upper(): stage.tag for name, stage in stages.items()}}
    return Recipe(tag, base.tag, agent.directory, _sent_files(agent.directory), arguments, tuple(stages.values()))


def stage_recipe(name: str, base: Recipe) -> Recipe:
    """How a build stage is built, on the base's own parent, so that a changed base does not affect it.

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
    """The image of this recipe, if it exists and is current; `client` is the engine or its `Inventory`."""
    found = _inspect(client, recipe.tag)
    if found is None:
        return None
    parent = _inspect(client, recipe.parent)
    # a parent that has been removed since cannot have changed
    same_parent = parent is None or parent.id == found.labels.get(PARENT_ID_LABEL)
    return Image(recipe.tag, found.id) if found.labels.get(RECIPE_LABEL) == recipe.hash and same_parent else None


def build(client: Any, recipe: Recipe, log: Log, network: str | None = None, *, listener: Listener = ignore) -> Image:
    """Build an image and label it.

    Args:
        client: the engine.
        recipe: what to build.
        log: receives the engine's output, line by line.
        network: the network of the build; by default the variable `MLEBENCH_BUILD_NETWORK`, else the engine's default.
        listener: gets the steps of the Dockerfile that are done, and the bytes that are pulled.

    Raises:
        WorkFailed: the build failed; the message holds its last lines.
    """
    with only_maker(recipe.tag):
        return _build(client, recipe, log, network, listener)


def only_maker(name: str) -> AbstractContextManager[None]:
    """Exclude other makers of `name`, so that runs which start together, in one harness or several, do not all build the same
    image."""
    return one_maker(f"image-{hashlib.sha256(name.encode()).hexdigest()[:16]}")


def _build(client: Any, recipe: Recipe, log: Log, network: str | None, listener: Listener) -> Image:
    for stage in recipe.stages:
        ensure(client, stage, log, listener=listener)
    parent = _pull_missing(client, recipe.parent, log, listener)
    before = _inspect(client, recipe.tag)
    labels = {RECIPE_LABEL: recipe.hash, PARENT_LABEL: recipe.parent, PARENT_ID_LABEL: parent.id}
    for again in range(_MOST_BUILDS - 1, -1, -1):
        try:
            _follow(_begin(client, recipe, labels, network), recipe.tag, log, listener)
            break
        except WorkFailed as error:
            if not again or not _UNSEEN.search(str(error)):
                raise
            log(f"the engine lost sight of the files of a stage; building {recipe.tag} again")
    built = _inspect(client, recipe.tag)
    if built is None:
        raise WorkFailed(f"the engine built {recipe.tag} but does not have it; try again with `mlebench images build`")
    if before is not None and before.id != built.id:
        remove_unused(client, before.id)
    return Image(recipe.tag, built.id)


def _begin(client: Any, recipe: Recipe, labels: Mapping[str, str], network: str | None) -> Iterator[dict[str, Any]]:
    events: Iterator[dict[str, Any]] = client.api.build(
        fileobj=_pack(recipe),
        custom_context=True,
        dockerfile=recipe.dockerfile,
        tag=recipe.tag,
        buildargs=dict(recipe.arguments),
        labels=dict(labels),
        network_mode=network or os.environ.get("MLEBENCH_BUILD_NETWORK"),
        rm=True,
        forcerm=True,
        decode=True,
    )
    return events


def ensure(client: Any, recipe: Recipe, log: Log, *, listener: Listener = ignore) -> Image:
    """The current image of a recipe, built if it is missing or its recipe has changed.

    Raises:
        WorkFailed: the build failed.
    """
    if (found := find(client, recipe)) is not None:
        return found
    with only_maker(recipe.tag):
        # another may have built it meanwhile
        return find(client, recipe) or _build(client, recipe, log, None, listener)


def ensure_agent_image(client: Any, agent: AgentSpec, log: Log, rebuild: bool = False, *, listener: Listener = ignore) -> Image:
    """The current image of an agent; its base is built too where needed.

    Args:
        client: the engine.
        agent: the agent.
        log: receives the engine's output, line by line.
        rebuild: build the agent's image even when it is current.
        listener: gets the steps of the Dockerfiles that are done, and the bytes that are pulled.

    Raises:
        WorkFailed: a build failed.
        UsageError: the agent requests a package set that does not exist.
    """
    base = base_recipe(agent.package_set, client=client)
    recipe = agent_recipe(agent, base)
    if recipe.parent == base.tag:
        ensure(client, base, log, listener=listener)
    if rebuild:
        return build(client, recipe, log, listener=listener)
    return ensure(client, recipe, log, listener=listener)


def is_agent_built(client: Any, agent: AgentSpec) -> bool:
    """Whether the agent's image and its base exist and are current; `client` is the engine or its `Inventory`."""
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
    # packaging may have lost the mode of scripts
    member.mode = 0o755 if member.mode & 0o100 or member.name.endswith(".sh") else 0o644
    return member


def _pull_missing(client: Any, reference: str, log: Log, listener: Listener) -> StoredImage:
    found = _inspect(client, reference)
    if found is not None:
        return found
    log(f"pulling {reference}")
    try:
        name, tag = _name_and_tag(reference)
        _follow_pull(client.api.pull(name, tag=tag, stream=True, decode=True), reference, listener)
        return _stored(client.images.get(reference))
    except failures() as error:
        raise _cannot_pull(reference, summary(error)) from None


def _cannot_pull(reference: str, reason: str) -> WorkFailed:
    return WorkFailed(
        f"image {reference} is not here and cannot be pulled ({reason}); "
        "build on one that is here with `mlebench images build --base IMAGE`"
    )


def _name_and_tag(reference: str) -> tuple[str, str | None]:
    if "@" in reference:
        return reference, None
    name, separator, tag = reference.rpartition(":")
    return (name, tag) if separator and "/" not in tag else (reference, "latest")


def _follow_pull(events: Iterator[dict[str, Any]], reference: str, listener: Listener) -> None:
    """Report the bytes of all layers together, whose sizes become known one after the other.

    Raises:
        WorkFailed: the engine reports a failure.
    """
    layers: dict[str, tuple[int, int]] = {}
    listener(Step(reference, "pulling"))
    for event in events:
        if "error" in event:
            raise _cannot_pull(reference, printable(str(event["error"]), 300))
        detail = event.get("progressDetail") or {}
        if event.get("status") == "Downloading" and detail.get("total"):
            layers[str(event.get("id"))] = (int(detail.get("current") or 0), int(detail["total"]))
        elif event.get("status") == "Download complete" and (known := layers.get(str(event.get("id")))):
            layers[str(event.get("id"))] = (known[1], known[1])
        else:
            continue
        done, total = (sum(sizes) for sizes in zip(*layers.values(), strict=True))
        listener(Step(reference, "pulling", min(done, total), total))
    listener(Step(reference, ""))


def _follow(events: Iterator[dict[str, Any]], tag: str, log: Log, listener: Listener) -> None:
    last: list[str] = []
    total = 0
    listener(Step(tag, "building"))
    try:
        for event in events:
            text = str(event.get("stream") or event.get("status") or event.get("error") or "").strip()
            for line in text.splitlines():
                log(line)
                if begun := _DOCKERFILE_STEP.match(line):
                    total = int(begun[2])
                    listener(Step(tag, "building", int(begun[1]) - 1, total, "step"))
            last = [*last, *text.splitlines()][-5:]
            if "error" in event:
                raise WorkFailed(f"building {tag} failed: {' | '.join(last)}")
        if total:
            listener(Step(tag, "building", total, total, "step"))
    except failures() as error:
        raise WorkFailed(f"building {tag} failed: {summary(error)}") from None
    finally:
        listener(Step(tag, ""))


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
    """Remove an image whose name now belongs to another one, unless something depends on it."""
    from docker.errors import APIError

    try:
        client.images.remove(image_id)
    except APIError:
        # a container or another image still depends on it
        return


def _tag_part(name: str) -> str:
    """An agent's name in the form allowed in an image name, which is more restricted than a folder name."""
    if re.fullmatch(r"[a-z0-9]+([._-][a-z0-9]+)*", name) and len(name) <= _LONGEST_TAG_PART:
        return name
    part = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_LONGEST_TAG_PART].strip("-") or "agent"
    return f"{part}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"
