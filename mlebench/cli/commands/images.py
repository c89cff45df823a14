"""Build the base images that agents run in, show which images of bases, build stages and agents are here and current, or write
them into a folder for machines that cannot build them.

Images are built automatically when a run needs them; building ahead shows the progress and accepts other parents. `export`
writes the images of agents, and their base, as archives (`docker save`) into a folder. Nodes that see it as MLEBENCH_IMAGES_DIR
run agents in them without a registry, and with Apptainer without Docker.

examples:
  mlebench images
  mlebench images build
  mlebench images build --set full --gpu
  mlebench images build --base my-registry/my-python:3.11
  mlebench images export ./images dummy aide/claude
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support.hints import quoted
from mlebench.cli.options import add_json, tell
from mlebench.cli.output import print_json, print_table
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.sandbox.docker.image_archives import Archive
    from mlebench.sandbox.docker.listing import ListedImage


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", nargs="?", choices=("list", "build", "export"), default="list", help="list (default), build or export"
    )
    parser.add_argument("folder", nargs="?", metavar="DIR", help="after `export`: where the archives go")
    parser.add_argument("agents", nargs="*", metavar="AGENT", help="after `export`: whose images (default: the base alone)")
    parser.add_argument("--set", metavar="SET", default="light", help="packages: light (default) or full")
    parent = parser.add_mutually_exclusive_group()
    parent.add_argument("--gpu", action="store_true", help="build on a CUDA image")
    parent.add_argument("--base", metavar="IMAGE", help="build on this image (default: $MLEBENCH_BASE_IMAGE, else CPython)")
    parser.add_argument("--network", metavar="N", help="network of the build, e.g. host (default: $MLEBENCH_BUILD_NETWORK)")
    parser.add_argument("--rebuild", action="store_true", help="build even if the image is current")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.action == "export":
        return _export(arguments)
    if arguments.folder is not None:
        raise UsageError("a folder is given to `mlebench images export DIR` alone")
    return _build(arguments) if arguments.action == "build" else _list(arguments)


def _export(arguments: argparse.Namespace) -> int:
    from mlebench.agents import get_agent
    from mlebench.sandbox.docker import image_archives, images
    from mlebench.sandbox.docker.engine import connect

    if arguments.folder is None:
        raise UsageError("where to? `mlebench images export DIR AGENT...`; `mlebench agents` lists the agents")
    if arguments.base or arguments.gpu or arguments.rebuild:
        raise UsageError("the parent is chosen when building: `mlebench images build --base IMAGE`")
    folder = Path(arguments.folder).expanduser().absolute()
    agents = [get_agent(name) for name in dict.fromkeys(arguments.agents)]
    client, log = connect(), partial(tell, arguments)
    if agents:
        written = [image_archives.export_agent(client, agent, folder, log) for agent in agents]
    else:
        base = images.ensure(client, images.base_recipe(arguments.set, client=client), log)
        written = [image_archives.export(client, base, folder, log)]
    if arguments.json:
        print_json([_archive_entry(archive) for archive in written])
        return 0
    for archive in written:
        print(f"{archive.reference} ({archive.id}): {archive.path}")
    tell(arguments, f"a node that sees this folder finds them by MLEBENCH_IMAGES_DIR={quoted(str(folder))}")
    return 0


def _build(arguments: argparse.Namespace) -> int:
    from mlebench.sandbox.docker import images
    from mlebench.sandbox.docker.engine import connect

    recipe = images.base_recipe(arguments.set, arguments.base or (images.GPU_PARENT if arguments.gpu else None))
    client = connect()
    if not (arguments.base or arguments.gpu):
        recipe = images.base_recipe(arguments.set, client=client)
    image = None if arguments.rebuild else images.find(client, recipe)
    is_current = image is not None
    image = image or images.build(client, recipe, partial(tell, arguments), arguments.network)
    if arguments.json:
        print_json({"image": image.reference, "digest": image.id, "parent": recipe.parent, "built": not is_current})
    else:
        print(f"{image.reference} ({image.id}) on {recipe.parent}: {'is current' if is_current else 'built'}")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from mlebench._support.quantities import show_size
    from mlebench.sandbox.docker.engine import connect
    from mlebench.sandbox.docker.listing import IN_WORDS, list_all

    if arguments.base or arguments.gpu:
        raise UsageError("the parent is chosen when building: `mlebench images build --base IMAGE`")
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
