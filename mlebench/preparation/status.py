"""Which data is in the data directory: prepared, in which edition, verified or not, and how large; or partly prepared."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support.folders import folder_size
from mlebench.errors import MlebenchError
from mlebench.preparation.record import PreparationRecord, is_prepared
from mlebench.registry.lists import ids_of_split
from mlebench.registry.selection import registry_for

if TYPE_CHECKING:
    from mlebench.registry import Competition, Registry

logger = logging.getLogger(__name__)
_OF_PREPARED = ("odd_counts", "changed", "competition_version", "current")
_OF_CHECKED = ("checks", "differs", "verification")


@dataclass(frozen=True)
class DataStatus:
    """The data of one competition in one edition."""

    id: str
    """The competition."""
    edition: str | None
    """None while nothing is prepared."""
    state: str
    """`prepared`, or what there is of a preparation: `raw data`, `damaged raw data`, `downloaded`, `download begun`."""
    bytes: int
    """Size of the folder or file at `path`."""
    path: str
    verified: bool | None = None
    """Whether md5 sums and counts are the published ones; None if unknown, as with data of another harness."""
    mock: bool | None = None
    """Whether the data is made up; None if unknown."""
    split_key_hash: str | None = None
    """Hash of the secret key that the data was split with."""
    competition_version: int | None = None
    """Version of the competition that prepared the data; None if unknown."""
    current: bool = True
    """Whether this version of the competition prepared the data, as far as that is known."""
    odd_counts: list[str] = field(default_factory=list)
    """Sentences about tables that hold more or fewer rows than the real data."""
    changed: list[str] = field(default_factory=list)
    """Files that were changed, added or removed since."""
    checks: list[dict[str, Any]] | None = None
    """With `verify`: `path`, `kind` and `passed` of each check."""
    differs: bool = False
    """With `verify`: whether a check failed."""
    verification: str | None = None
    """With `verify`: what was found, in words."""

    def to_dict(self) -> dict[str, Any]:
        """The entry of `mlebench status --json`."""
        left_out = {*(_OF_PREPARED if self.edition is None else ()), *(_OF_CHECKED if self.checks is None else ())}
        return {key: value for key, value in asdict(self).items() if key not in left_out}


def status(split: str | None = None, *, verify: bool = False, data_dir: Path | str | None = None) -> list[DataStatus]:
    """List the data in the data directory.

    Args:
        split: Only the competitions of this split, or of a text file with one id per line. By default all.
        verify: Compare md5 sums and counts again, which reads everything.
        data_dir: The data directory; by default `MLEBENCH_DATA_DIR`, else a folder in the user's cache.

    Returns:
        One entry per competition and edition that is prepared, and one for each competition with raw data only.
        A competition that cannot be read is skipped with a warning in the log.

    Raises:
        UsageError: The split is unknown, or the file cannot be read.

    Example:
        >>> [(entry.id, entry.state, entry.mock) for entry in mlebench.status(data_dir="data")]
        [('demo-wine', 'prepared', False)]
    """
    registry = registry_for("v1", None, data_dir)
    if split is not None:
        ids = ids_of_split(split, registry)
    else:
        ids = [name for of_split in registry.ids_by_split().values() for name in of_split]
    found: list[DataStatus] = []
    for competition_id in ids:
        try:
            found += status_of(registry, competition_id, verify=verify)
        except (MlebenchError, OSError) as error:
            logger.warning("%s is left out: %s", competition_id, error)
    return found


def status_of(registry: Registry, competition_id: str, *, verify: bool) -> list[DataStatus]:
    """The entries of one competition, in every edition; none where there is nothing.

    Raises:
        MlebenchError, OSError: it cannot be read.
    """
    editions = registry.in_each_edition(competition_id)
    if not editions[0].root.exists():
        return []
    prepared = [_prepared(competition, verify=verify) for competition in editions if is_prepared(competition)]
    return prepared or list(_partly_prepared(editions[0]))


def _prepared(competition: Competition, *, verify: bool) -> DataStatus:
    record = PreparationRecord.read(competition.prepared_dir)
    checked: dict[str, Any] = {}
    if verify:
        from mlebench.preparation.verify import verify_prepared

        found = verify_prepared(competition)
        checks = [{"path": check.path, "kind": check.kind, "passed": check.passed} for check in found.checks]
        checked = {"checks": checks, "differs": bool(found.failed), "verification": str(found)}
    return DataStatus(
        id=competition.id,
        edition=competition.edition.name,
        state="prepared",
        bytes=folder_size(competition.prepared_dir),
        path=str(competition.prepared_dir),
        verified=record.verified if record else None,
        mock=record.mock if record else None,
        split_key_hash=record.split_key_hash if record else None,
        competition_version=record.competition_version if record else None,
        current=record is None or record.fits_version(competition.facts.version),
        odd_counts=record.odd_counts if record else [],
        changed=record.changed(competition.prepared_dir) if record else [],
        **checked,
    )


def _partly_prepared(competition: Competition) -> Iterator[DataStatus]:
    from mlebench.kaggle.download import archive_path
    from mlebench.kaggle.partial_file import bytes_there
    from mlebench.preparation.sources import has_raw, is_damaged

    archive, raw = archive_path(competition), competition.raw_dir
    damaged = is_damaged(raw)
    if not competition.facts.generated and (damaged or has_raw(competition)):
        state = "damaged raw data" if damaged else "raw data"
        yield DataStatus(competition.id, None, state, folder_size(raw), str(raw))
    elif archive.exists():
        yield DataStatus(competition.id, None, "downloaded", archive.stat().st_size, str(archive))
    elif size := bytes_there(archive):
        yield DataStatus(competition.id, None, "download begun", size, str(archive.parent))
