"""Where raw data comes from: a folder or zip that somebody has, a mock, or Kaggle."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench.data.archives import extract
from mlebench.data.preparation import PARTIAL, make_mock, put_in_place
from mlebench.data.progress import Progress, Watch, ignore
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.kaggle.transfer import Transfer
    from mlebench.registry import Competition

MOCK_SIZE = 200
_MOCK_MARK = "mock.json"


@dataclass(frozen=True)
class RawData:
    """An unpacked download."""

    folder: Path
    mock: bool
    ours: bool
    """Whether it lies in the data directory, so that it may be dropped after preparing."""

    def drop(self) -> None:
        """Remove the raw data, if it is ours."""
        if not self.ours:
            return
        root = self.folder.parent
        # renamed first, so that what a kill leaves of it is never taken for the whole download
        aside = root / f"{PARTIAL}{self.folder.name}"
        with contextlib.suppress(OSError):
            self.folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
        (root / _MOCK_MARK).unlink(missing_ok=True)
        (root / f"{root.name}.zip").unlink(missing_ok=True)


def acquire(
    competition: Competition,
    source: Path | None = None,
    *,
    mock: bool = False,
    verify: bool = True,
    transfer: Transfer | None = None,
    watch: Watch = ignore,
) -> RawData:
    """Get a competition's raw data: from `source`, made up, from an earlier download, or from Kaggle.

    Args:
        source: an unpacked folder, read in place, or a zip, unpacked into the data directory.
        mock: make a mock download.
        verify: compare a Kaggle download with its published md5.
        transfer: patience and bandwidth of downloads.
        watch: gets phases and bytes.

    Raises:
        UsageError: if `source` does not exist, or a mock would hide a real download.
    """
    if competition.facts.generated:
        return RawData(_empty(competition.raw_dir), mock=False, ours=True)
    if source is not None:
        watch(Progress(competition.id, "unpacking"))
        return _from(source, competition)
    if mock:
        watch(Progress(competition.id, "making the mock"))
        return _mocked(competition)
    if has_raw(competition):
        return RawData(competition.raw_dir, mock=False, ours=True)
    from mlebench.kaggle.download import download_raw

    return RawData(download_raw(competition, verify=verify, transfer=transfer, watch=watch), mock=False, ours=True)


def has_raw(competition: Competition) -> bool:
    """Whether a real, unpacked download lies in the data directory."""
    return _has_content(competition.raw_dir) and not _is_mock(competition)


def _from(source: Path, competition: Competition) -> RawData:
    if source.is_dir():
        # a folder of several downloads, as `prepare --split low --from DOWNLOADS` gets it
        inside = [source / competition.id, source / f"{competition.id}.zip"]
        nested = next((path for path in inside if path.exists()), None)
        return _from(nested, competition) if nested else RawData(source, mock=False, ours=False)
    if not source.exists():
        raise UsageError(f"{source} does not exist; --from takes an unpacked download or its zip")
    if not zipfile.is_zipfile(source):
        raise UsageError(f"{source} is no zip; --from takes an unpacked download or its zip")
    return RawData(unpack_into_place(source, competition.raw_dir), mock=False, ours=True)


def unpack_into_place(archive: Path, target: Path) -> Path:
    """Unpack an archive so that `target` only ever appears complete; what stood there is replaced."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=target.parent) as folder:
        put_in_place(extract(archive, Path(folder) / "raw"), target)
    # after the data, so that a kill in between never passes a mock off as a download
    (target.parent / _MOCK_MARK).unlink(missing_ok=True)
    return target


def _mocked(competition: Competition) -> RawData:
    raw = competition.raw_dir
    if _has_content(raw) and not _is_mock(competition):
        raise UsageError(f"{raw} holds a real download; `mlebench prepare {competition.id}` without --mock prepares it")
    if not _has_content(raw):
        raw.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=raw.parent) as folder:
            make_mock(competition, Path(folder) / "raw", size=MOCK_SIZE, seed=0)
            (raw.parent / _MOCK_MARK).write_text(json.dumps({"size": MOCK_SIZE, "seed": 0}) + "\n")
            (Path(folder) / "raw").rename(raw)
    return RawData(raw, mock=True, ours=True)


def _empty(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _has_content(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _is_mock(competition: Competition) -> bool:
    return (competition.root / _MOCK_MARK).exists()
