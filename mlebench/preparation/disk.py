"""Plans preparation: what is present, what must be downloaded, and whether the disk has room for it.

How much disk preparing takes is estimated from the sizes of the downloads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlebench._support.folders import free_space
from mlebench._support.quantities import show_size
from mlebench._support.steps import Listener, ignore
from mlebench.errors import UsageError
from mlebench.kaggle.download import archive_path
from mlebench.preparation.build import PreparationOutcome, failure
from mlebench.preparation.record import is_prepared
from mlebench.preparation.sources import has_raw, require_on_kaggle

if TYPE_CHECKING:
    from mlebench.kaggle.preflight import Access
    from mlebench.preparation.options import PreparationOptions
    from mlebench.registry import Competition

_TABLES = {"tabular", "text", "graph"}
_UNPACKED_TABLES = 4.0
_UNPACKED_OTHERS = 1.1
_ARCHIVES = (".zip", ".7z", ".tar", ".gz", ".tgz")
_TABLE_SHARE = 0.05


class DiskNeed(NamedTuple):
    """Bytes on top of what is there."""

    surely: int
    """Less cannot do: every download, unpacked to no less than its size, and the largest one packed next to it."""
    likely: int
    """With tables that unpack to several times their size, and archives that are written again."""


@dataclass(frozen=True)
class Readiness:
    """What stands before preparing."""

    present: list[Competition]
    """Prepared already."""
    at_hand: list[Competition]
    """To prepare, with the raw data here."""
    to_download: list[Competition]
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes that are still to come, by id of `to_download`, where known."""
    arrived: dict[str, int] = field(default_factory=dict)
    """Bytes of zips that are here, whole or begun, by id of `to_download` and `at_hand`."""
    unaccepted: list[Access] = field(default_factory=list)
    failed: list[Access] = field(default_factory=list)

    @property
    def open(self) -> list[Competition]:
        """Those of `to_download` that nothing is in the way of."""
        closed = {access.competition_id for access in [*self.unaccepted, *self.failed]}
        return [competition for competition in self.to_download if competition.id not in closed]

    def left_out(self) -> list[PreparationOutcome]:
        """Outcomes of the competitions that cannot be downloaded."""
        skipped = [
            PreparationOutcome(access.competition_id, f"{access.competition_id}: skipped: {access.message}", state="skipped")
            for access in self.unaccepted
        ]
        return skipped + [failure(access.competition_id, access.message) for access in self.failed]

    def need(self, *, jobs: int, keep_raw: bool) -> DiskNeed:
        """Bytes of disk that the downloads, and what is made of zips that are here, take."""
        concerned = [*self.open, *self.at_hand]
        whole = {
            entry.id: self.sizes.get(entry.id, 0) + self.arrived.get(entry.id, 0)
            for entry in concerned
            if entry.id in self.sizes or entry.id in self.arrived
        }
        arrived = sum(self.arrived.get(name, 0) for name in whole)
        return disk_need(whole, concerned, jobs=jobs, keep_raw=keep_raw, arrived=arrived)


def look_ahead(competitions: Sequence[Competition], options: PreparationOptions, listener: Listener = ignore) -> Readiness:
    """Sort competitions by what preparing them takes, and ask Kaggle about those that must be downloaded.

    Args:
        competitions: the competitions.
        options: the requested options.
        listener: gets what goes on.

    Raises:
        UsageError: without accepted credentials, where a download is needed.
        WorkFailed: if Kaggle cannot be reached.
    """
    online = options.source is None and not options.mock
    present = [] if options.force else [competition for competition in competitions if is_prepared(competition)]
    left = [competition for competition in competitions if competition not in present]
    to_download = [competition for competition in left if online and _needs_download(competition)]
    at_hand = [competition for competition in left if competition not in to_download]
    zips = [competition for competition in at_hand if online and _is_zip(competition)]
    arrived = {competition.id: archive_path(competition).stat().st_size for competition in zips}
    if not to_download:
        return Readiness(present, at_hand, [], arrived=arrived)
    for competition in to_download:
        require_on_kaggle(competition)
    from mlebench.kaggle.partial_file import bytes_there
    from mlebench.kaggle.preflight import check_access
    from mlebench.kaggle.transfer import Transfer

    accesses = check_access(to_download, options.transfer or Transfer(), listener)
    sizes = {}
    for competition in to_download:
        size = accesses[competition.id].size or known_size(competition)
        if size is not None:
            arrived[competition.id] = min(size, bytes_there(archive_path(competition)))
            sizes[competition.id] = size - arrived[competition.id]
    found = accesses.values()
    return Readiness(
        present,
        at_hand,
        to_download,
        sizes,
        arrived,
        unaccepted=[access for access in found if access.state == "rules"],
        failed=[access for access in found if access.state == "failed"],
    )


def require_space(need: DiskNeed, data_dir: Path) -> str | None:
    """Compare with the free space.

    Returns:
        A warning if space may be too small; None if it is sufficient.

    Raises:
        UsageError: if space is too small.
    """
    free = free_space(data_dir)
    if need.surely > free:
        raise UsageError(
            f"{data_dir} has {show_size(free)} free, but downloading and unpacking takes at least {show_size(need.surely)} "
            f"(about {show_size(need.likely)} including prepared data); "
            "free disk space, prepare fewer competitions, or choose another disk with --data-dir"
        )
    if need.likely > free:
        return (
            f"{data_dir} has {show_size(free)} free, and about {show_size(need.likely)} may be needed; "
            "if the disk fills up, preparation stops without losing work; free space and run the same command to continue"
        )
    return None


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
    """Bytes of the download as the facts tell; None if they do not."""
    return None if competition.facts.download_gb is None else int(competition.facts.download_gb * 1e9)


def _needs_download(competition: Competition) -> bool:
    return not (competition.facts.generated or has_raw(competition) or _is_zip(competition))


def _is_zip(competition: Competition) -> bool:
    """Whether the raw data is a whole zip that is still to be unpacked."""
    return not has_raw(competition) and archive_path(competition).is_file()


def _one(competition: Competition, size: int, keep_raw: bool) -> tuple[int, int]:
    """Bytes that stay, and bytes that are needed on top while the competition is worked on."""
    tables = competition.modality in _TABLES
    unpacked = int(size * (_UNPACKED_TABLES if tables else _UNPACKED_OTHERS))
    rewritten = tables or any(name.endswith(_ARCHIVES) for name in competition.facts.files.public)
    made = unpacked if rewritten else int(unpacked * _TABLE_SHARE)
    stays = unpacked + made if keep_raw else max(unpacked, made)
    return stays, size + unpacked + made - stays
