"""The engine's images in one listing, so that queries about many images cost a single call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlebench.errors import EngineUnreachable
from mlebench.sandbox.docker.engine import failures, summary

_HOSTS = ("docker.io/library/", "docker.io/", "localhost/")
"""Prefixes that engines add to names without a registry."""


@dataclass(frozen=True)
class StoredImage:
    """An image in the engine."""

    id: str
    """Digest of its content, `sha256:…`."""
    labels: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
    """Bytes, including layers shared with other images."""


class Inventory:
    """The engine's images at the time of the query."""

    def __init__(self, images: Mapping[str, StoredImage]) -> None:
        """`images` holds every image by its id and by each of its names, including tags and digests."""
        self._images = images

    @classmethod
    def take(cls, client: Any) -> Inventory:
        """List the engine's images.

        Raises:
            EngineUnreachable: it no longer answers.
        """
        try:
            entries = client.api.images()
        except failures() as error:
            raise EngineUnreachable(f"the container engine does not list its images ({summary(error)}); check its log") from None
        found: dict[str, StoredImage] = {}
        for entry in entries:
            image = StoredImage(entry["Id"], entry.get("Labels") or {}, int(entry.get("Size") or 0))
            found |= dict.fromkeys([image.id, *_names(entry)], image)
        return cls(found)

    def get(self, reference: str) -> StoredImage | None:
        """The image with this name or id; None if there is none."""
        name = _without_host(reference)
        is_complete = "@" in name or ":" in name.rpartition("/")[2]
        return self._images.get(name if is_complete else f"{name}:latest")


def _names(entry: Mapping[str, Any]) -> Iterable[str]:
    return map(_without_host, [*(entry.get("RepoTags") or ()), *(entry.get("RepoDigests") or ())])


def _without_host(name: str) -> str:
    host = next((host for host in _HOSTS if name.startswith(host)), "")
    return name[len(host) :]
