"""Looking ahead before preparing: what is there, what may be downloaded, and whether the disk is large enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support.progress import Watch, ignore
from mlebench.errors import UsageError
from mlebench.kaggle.download import archive_path
from mlebench.preparation.build import is_prepared
from mlebench.preparation.disk import DiskNeed, disk_need, free_space, known_size
from mlebench.preparation.raw_folder import has_raw
from mlebench.preparation.task import PreparationOutcome, failure

if TYPE_CHECKING:
    from mlebench.kaggle.preflight import Access
    from mlebench.kaggle.transfer import Transfer
    from mlebench.registry import Competition


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
        """Those of `to_download` that nothing stands in the way of."""
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


def look_ahead(
    competitions: Sequence[Competition], *, force: bool, online: bool, transfer: Transfer, watch: Watch = ignore
) -> Readiness:
    """Sort competitions by what preparing them takes, and ask Kaggle about those that must be downloaded.

    Args:
        competitions: the competitions.
        force: prepare again what is prepared.
        online: whether raw data comes from Kaggle where it is not here.
        transfer: how patiently Kaggle is asked.
        watch: gets what goes on.

    Raises:
        UsageError: without accepted credentials, where a download is needed.
        WorkFailed: if Kaggle cannot be reached.
    """
    present = [] if force else [competition for competition in competitions if is_prepared(competition)]
    left = [competition for competition in competitions if competition not in present]
    to_download = [competition for competition in left if online and _needs_download(competition)]
    at_hand = [competition for competition in left if competition not in to_download]
    zips = [competition for competition in at_hand if online and _is_zip(competition)]
    arrived = {competition.id: archive_path(competition).stat().st_size for competition in zips}
    if not to_download:
        return Readiness(present, at_hand, [], arrived=arrived)
    from mlebench.kaggle.partial_file import bytes_there
    from mlebench.kaggle.preflight import check_access

    accesses = check_access(to_download, transfer, watch)
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
        A warning where it may not do; None where it does.

    Raises:
        UsageError: if it cannot do.
    """
    from mlebench._support.quantities import show_size

    free = free_space(data_dir)
    if need.surely > free:
        raise UsageError(
            f"{data_dir} has {show_size(free)} free, and downloading and unpacking takes at least {show_size(need.surely)} "
            f"(about {show_size(need.likely)} with what is made of them); "
            "make space, prepare fewer competitions, or choose another disk with --data-dir"
        )
    if need.likely > free:
        return (
            f"{data_dir} has {show_size(free)} free, and about {show_size(need.likely)} may be needed; "
            "where the disk gets full, work stops without loss, and the same command goes on after space is made"
        )
    return None


def _needs_download(competition: Competition) -> bool:
    return not (competition.facts.generated or has_raw(competition) or _is_zip(competition))


def _is_zip(competition: Competition) -> bool:
    """Whether the raw data is a whole zip that is still to be unpacked."""
    return not has_raw(competition) and archive_path(competition).is_file()
