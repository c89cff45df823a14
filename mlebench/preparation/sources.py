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

from mlebench._support.progress import Progress, Watch, ignore
from mlebench.errors import UsageError
from mlebench.preparation.build import PARTIAL, make_mock
from mlebench.preparation.raw_folder import MOCK_MARK, has_content, has_raw, is_mock, unpack_into_place

if TYPE_CHECKING:
    from mlebench.kaggle.transfer import Transfer
    from mlebench.registry import Competition

MOCK_SIZE = 200


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
        (root / MOCK_MARK).unlink(missing_ok=True)
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


def _mocked(competition: Competition) -> RawData:
    raw = competition.raw_dir
    if has_content(raw) and not is_mock(competition):
        raise UsageError(f"{raw} holds a real download; `mlebench prepare {competition.id}` without --mock prepares it")
    if not has_content(raw):
        raw.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=raw.parent) as folder:
            make_mock(competition, Path(folder) / "raw", size=MOCK_SIZE, seed=0)
            (raw.parent / MOCK_MARK).write_text(json.dumps({"size": MOCK_SIZE, "seed": 0}) + "\n")
            (Path(folder) / "raw").rename(raw)
    return RawData(raw, mock=True, ours=True)


def _empty(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
