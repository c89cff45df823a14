"""How much disk preparing competitions takes, estimated from the sizes of their downloads."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mlebench.registry import Competition

_TABLES = {"tabular", "text", "graph"}
_UNPACKED_TABLES = 4.0
_UNPACKED_OTHERS = 1.1
_ARCHIVES = (".zip", ".7z", ".tar", ".gz", ".tgz")
_TABLE_SHARE = 0.05


class DiskNeed(NamedTuple):
    """Bytes on top of what lies there."""

    surely: int
    """Less cannot do: every download, unpacked to no less than its size, and the largest one packed beside it."""
    likely: int
    """With tables that unpack to several times their size, and archives that are written anew."""


def disk_need(
    downloads: Mapping[str, int], competitions: Sequence[Competition], *, jobs: int, keep_raw: bool, arrived: int = 0
) -> DiskNeed:
    """Bytes that downloading and preparing takes.

    Files that go to public unchanged are hard links, so they count once.

    Args:
        downloads: bytes of each whole zip, by competition id.
        competitions: those among which the ids are.
        jobs: competitions at a time.
        keep_raw: whether raw data stays.
        arrived: bytes of these zips that are on the disk already.
    """
    sizes = [(competition, downloads[competition.id]) for competition in competitions if competition.id in downloads]
    if not sizes:
        return DiskNeed(0, 0)
    stays, passing = zip(*(_one(competition, size, keep_raw) for competition, size in sizes), strict=True)
    largest = max(size for _, size in sizes)
    surely = sum(size for _, size in sizes) + largest
    likely = sum(stays) + sum(sorted(passing, reverse=True)[: max(1, jobs)])
    return DiskNeed(max(0, surely - arrived), max(0, likely - arrived))


def known_size(competition: Competition) -> int | None:
    """Bytes of the download as the facts tell; None where they do not."""
    return None if competition.facts.download_gb is None else int(competition.facts.download_gb * 1e9)


def free_space(folder: Path) -> int:
    """Bytes free where `folder` is or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _one(competition: Competition, size: int, keep_raw: bool) -> tuple[int, int]:
    """Bytes that stay, and bytes that are needed on top while the competition is worked on."""
    tables = competition.modality in _TABLES
    unpacked = int(size * (_UNPACKED_TABLES if tables else _UNPACKED_OTHERS))
    rewritten = tables or any(name.endswith(_ARCHIVES) for name in competition.facts.files.public)
    made = unpacked if rewritten else int(unpacked * _TABLE_SHARE)
    stays = unpacked + made if keep_raw else max(unpacked, made)
    return stays, size + unpacked + made - stays
