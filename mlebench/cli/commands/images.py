"""Build the base images that agents run in, or show which images of bases, build stages and agents are here and current.

Images are built automatically when a run needs them; building ahead shows the progress and accepts other parents.

examples:
  mlebench images
  mlebench images build
  mlebench images build --set full --gpu
  mlebench images build --base my-registry/my-python:3.11
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

from mlebench.cli.options import add_json, tell
from mlebench.cli.output import print_json, print_table
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.sandbox.docker.listing import ListedImage


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("list", "build"), default="list", help="list (default) or build")
    parser.add_argument("--set", metavar="SET", default="light", help="packages: light (default) or full")
    parent = parser.add_mutually_exclusive_group()
    parent.add_argument("--gpu", action="store_true", help="build on a CUDA image")
    parent.add_argument("--base", metavar="IMAGE", help="build on this image (default: $MLEBENCH_BASE_IMAGE, else CPython)")
    parser.add_argument("--network", metavar="N", help="network of the build, e.g. host (default: $MLEBENCH_BUILD_NETWORK)")
    parser.add_argument("--rebuild", action="store_true", help="build even if the image is current")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    return _build(arguments) if arguments.action == "build" else _list(arguments)


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


def _entry(image: ListedImage) -> dict[str, Any]:
    return {
        "image": image.recipe.tag,
        "for": image.purpose,
        "state": image.state,
        "digest": image.id,
        "bytes": image.size,
        "parent": image.recipe.parent,
    }
