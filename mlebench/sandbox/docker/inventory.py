"""The images that the engine has, in one listing: what is asked of many images costs one call, however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlebench.errors import EngineUnreachable
from mlebench.sandbox.docker.engine import failures, summary

_HOSTS = ("docker.io/library/", "docker.io/", "localhost/")
"""What engines put before names that were given without a registry."""


@dataclass(frozen=True)
class StoredImage:
    """An image as the engine has it."""

    id: str
    """Its content's digest, `sha256:…`."""
    labels: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
    """Bytes, layers shared with other images included."""


class Inventory:
    """What the engine had when it was asked."""

    def __init__(self, images: Mapping[str, StoredImage]) -> None:
        """`images` holds every image by its id and by each of its names, tags and digests included."""
        self._images = images

    @classmethod
    def take(cls, client: Any) -> Inventory:
        """List the engine's images.

        Raises:
            EngineUnreachable: it does not answer any more.
        """
        try:
            entries = client.api.images()
        except failures() as error:
            raise EngineUnreachable(
                f"the container engine does not list its images ({summary(error)}); look at its log"
            ) from None
        found: dict[str, StoredImage] = {}
        for entry in entries:
            image = StoredImage(entry["Id"], entry.get("Labels") or {}, int(entry.get("Size") or 0))
            found |= dict.fromkeys([image.id, *_names(entry)], image)
        return cls(found)

    def get(self, reference: str) -> StoredImage | None:
        """The image of this name or id; None where there is none."""
        name = _without_host(reference)
        is_complete = "@" in name or ":" in name.rpartition("/")[2]
        return self._images.get(name if is_complete else f"{name}:latest")


def _names(entry: Mapping[str, Any]) -> Iterable[str]:
    return map(_without_host, [*(entry.get("RepoTags") or ()), *(entry.get("RepoDigests") or ())])


def _without_host(name: str) -> str:
    host = next((host for host in _HOSTS if name.startswith(host)), "")
    return name[len(host) :]
