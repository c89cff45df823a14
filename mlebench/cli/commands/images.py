"""List, build or export the container images that agents run in.

A run builds the images that it needs; building ahead shows the progress and accepts another parent image.

examples:
  mlebench images
  mlebench images build --set full --gpu
  mlebench images export ./images dummy aide/claude
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support.hints import command, quoted
from mlebench._support.steps import Step, Tally
from mlebench.cli.options import add_json, tell
from mlebench.cli.output import print_json, print_table
from mlebench.cli.parsing import add_actions
from mlebench.cli.progress import Progress
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.sandbox.docker.image_archives import Archive
    from mlebench.sandbox.docker.listing import ListedImage


_LIST = """
List base images, build stages and images of agents, and whether they are current.

examples:
  mlebench images list
  mlebench images list --json
"""
_BUILD = """
Build the base image.

examples:
  mlebench images build
  mlebench images build --set full --gpu
  mlebench images build --base my-registry/my-python:3.11
"""
_EXPORT = """
Write images of agents, with their base, as archives (`docker save`) into a folder.

Nodes that see the folder as MLEBENCH_IMAGES_DIR run agents in them without a registry, and with Apptainer without Docker.

examples:
  mlebench images export ./images dummy aide/claude
  mlebench images export ./images --set full
"""


def configure(parser: argparse.ArgumentParser) -> None:
    _configure_list(parser)
    actions = {"list": (_LIST, _configure_list), "build": (_BUILD, _configure_build), "export": (_EXPORT, _configure_export)}
    add_actions(parser, actions, is_required=False)


def _configure_list(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def _configure_build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", metavar="SET", default="light", help="package set: light (default) or full")
    parent = parser.add_mutually_exclusive_group()
    parent.add_argument("--gpu", action="store_true", help="use a CUDA image as parent")
    parent.add_argument("--base", metavar="IMAGE", help="use this image as parent (default: $MLEBENCH_BASE_IMAGE, else CPython)")
    parser.add_argument("--network", metavar="N", help="network of the build, such as host (default: $MLEBENCH_BUILD_NETWORK)")
    parser.add_argument("--rebuild", action="store_true", help="build even if the image is current")
    add_json(parser)


def _configure_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", metavar="DIR", help="the folder")
    parser.add_argument("agents", nargs="*", metavar="AGENT", help="agents (default: only the base image)")
    parser.add_argument("--set", metavar="SET", default="light", help="package set of the base: light (default) or full")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.action == "export":
        return _export(arguments)
    return _build(arguments) if arguments.action == "build" else _list(arguments)


def _export(arguments: argparse.Namespace) -> int:
    from mlebench.agents import get_agent
    from mlebench.sandbox.docker import image_archives, images
    from mlebench.sandbox.docker.engine import connect

    if arguments.folder is None:
        raise UsageError("no folder given; run `mlebench images export DIR AGENT`; `mlebench agents` lists all agents")
    folder = Path(arguments.folder).expanduser().absolute()
    agents = [get_agent(name) for name in dict.fromkeys(arguments.agents)]
    client = connect()
    with Progress(quiet=arguments.quiet) as progress:
        log = _log(arguments, progress)
        if agents:
            written = []
            tally = Tally(progress, "", "exporting", len(agents), "image", every=0)
            for agent in agents:
                progress(Step(agent.id, "building and writing"))
                written.append(image_archives.export_agent(client, agent, folder, log))
                progress(Step(agent.id, ""))
                tally.add()
        else:
            base = images.ensure(client, images.base_recipe(arguments.set, client=client), log, listener=progress)
            progress(Step(base.reference, "writing"))
            written = [image_archives.export(client, base, folder, log)]
    if arguments.json:
        print_json([_archive_entry(archive) for archive in written])
        return 0
    for archive in written:
        print(f"{archive.reference} ({archive.id}): {archive.path}")
    tell(arguments, f"on nodes that see this folder, set MLEBENCH_IMAGES_DIR={quoted(str(folder))}")
    return 0


def _log(arguments: argparse.Namespace, progress: Progress) -> Callable[[str], None]:
    """Gets the engine's output, which is shown with --verbose."""
    return progress.tell if arguments.verbose else deque[str](maxlen=0).append


def _build(arguments: argparse.Namespace) -> int:
    from mlebench.sandbox.docker import images
    from mlebench.sandbox.docker.engine import connect

    recipe = images.base_recipe(arguments.set, arguments.base or (images.GPU_PARENT if arguments.gpu else None))
    client = connect()
    if not (arguments.base or arguments.gpu):
        recipe = images.base_recipe(arguments.set, client=client)
    image = None if arguments.rebuild else images.find(client, recipe)
    is_current = image is not None
    if image is None:
        with Progress(quiet=arguments.quiet) as progress:
            image = images.build(client, recipe, _log(arguments, progress), arguments.network, listener=progress)
    if arguments.json:
        print_json({"image": image.reference, "digest": image.id, "parent": recipe.parent, "built": not is_current})
    else:
        print(f"{image.reference} ({image.id}) on {recipe.parent}: {'is current' if is_current else 'built'}")
        tell(arguments, f"next: {command('agents', 'build', 'NAME')} builds the image of an agent on it")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from mlebench._support.quantities import show_size
    from mlebench.sandbox.docker.engine import connect
    from mlebench.sandbox.docker.listing import IN_WORDS, list_all

    found = list_all(connect())
    if arguments.json:
        print_json([_entry(image) for image in found])
        return 0
    rows = [
        [image.recipe.tag, image.purpose, IN_WORDS[image.state], show_size(image.size) if image.id else None, image.recipe.parent]
        for image in found
    ]
    print_table(["image", "for", "state", "size", "parent"], rows)
    return 0


def _archive_entry(archive: Archive) -> dict[str, Any]:
    return {"image": archive.reference, "digest": archive.id, "file": str(archive.path), "bytes": archive.file_bytes}


def _entry(image: ListedImage) -> dict[str, Any]:
    return {
        "image": image.recipe.tag,
        "for": image.purpose,
        "state": image.state,
        "digest": image.id,
        "bytes": image.size,
        "parent": image.recipe.parent,
    }
