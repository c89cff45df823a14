"""Archives of images in the form of `docker save`, made without an engine."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from mlebench.sandbox.docker import image_archives, images
from mlebench.sandbox.docker.image_archives import Archive


def make_archive(folder: Path, files: list[dict[str, str]], *, package_set: str = "light", **record: Any) -> Archive:
    """An archive of a base image that is current.

    Args:
        folder: where it goes.
        files: of each layer, the lowest first, the contents by name.
        package_set: of the base.
        record: what its record says otherwise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    recipe = images.base_recipe(package_set, "parent:1")
    layers = [_tar({name: text.encode() for name, text in layer.items()}) for layer in files]
    digests = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    config = json.dumps({"config": {"Env": ["OF_IMAGE=yes"]}, "rootfs": {"diff_ids": digests}}).encode()
    image_id = hashlib.sha256(config).hexdigest()
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = json.dumps([{"Config": f"{image_id}.json", "RepoTags": [recipe.tag], "Layers": names}]).encode()
    content = _tar({"manifest.json": manifest, f"{image_id}.json": config, **dict(zip(names, layers, strict=True))})
    path = folder / f"mlebench-base-{package_set}-{image_id[:12]}.tar"
    path.write_bytes(content)
    told = {
        "archive": path.name,
        "reference": recipe.tag,
        "id": f"sha256:{image_id}",
        "layers": digests,
        "labels": {images.RECIPE_LABEL: recipe.hash, images.PARENT_LABEL: "parent:1"},
        "architecture": "",
        "size": sum(map(len, layers)),
        "file_bytes": len(content),
        "file_digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "written_at": "2026-01-01T00:00:00.000000+00:00",
        **record,
    }
    path.with_suffix(".json").write_text(json.dumps(told))
    found = image_archives.find(folder, recipe.tag)
    assert found is not None
    return found


def _tar(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()
