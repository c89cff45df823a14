"""The folder of raw data in the data directory: a download, or a mock that is marked as one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench.data.archives import extract
from mlebench.preparation.build import PARTIAL, put_in_place

if TYPE_CHECKING:
    from mlebench.registry import Competition

MOCK_MARK = "mock.json"
"""Lies beside raw data that was made up."""


def has_raw(competition: Competition) -> bool:
    """Whether a real, unpacked download lies in the data directory."""
    return has_content(competition.raw_dir) and not is_mock(competition)


def is_mock(competition: Competition) -> bool:
    """Whether the raw data was made up."""
    return (competition.root / MOCK_MARK).exists()


def has_content(folder: Path) -> bool:
    """Whether anything lies in `folder`."""
    return folder.is_dir() and any(folder.iterdir())


def unpack_into_place(archive: Path, target: Path) -> Path:
    """Unpack an archive so that `target` only ever appears complete; what stood there is replaced."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=target.parent) as folder:
        put_in_place(extract(archive, Path(folder) / "raw"), target)
    # after the data, so that a kill in between never passes a mock off as a download
    (target.parent / MOCK_MARK).unlink(missing_ok=True)
    return target
