"""Where raw data comes from: a folder or zip that somebody has, a mock, or Kaggle; and the folder that it is in.

The raw folder of the data directory only ever appears complete. Next to it may lie two marks: that it was made up, and that it
turned out to be damaged, which holds until something in it changes.
"""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support.checksums import ChecksumCache, md5
from mlebench._support.folders import PARTIAL, put_in_place, state_of
from mlebench._support.steps import Listener, Step, Tally, ignore
from mlebench.data.archives import extract, kind_of_archive
from mlebench.data.content_kind import kind_of_content
from mlebench.data.raw_faults import is_of_the_content
from mlebench.errors import RawDataFault, UsageError, WorkFailed
from mlebench.preparation.raw_layout import lay_out, require_plain
from mlebench.registry.competition import prepare_command

if TYPE_CHECKING:
    from mlebench.preparation.options import PreparationOptions
    from mlebench.registry import Competition

MOCK_SIZE = 200

_SMALL_MOCK = 60
_GIVEN = ("", ".zip", ".tar.gz", ".tgz", ".tar", ".7z")
_TAKES = "--from takes an unpacked download, its zip, or a folder that contains either"
_MOCK_MARK = "mock.json"
_DAMAGE_MARK = "damaged.json"


@dataclass(frozen=True)
class RawData:
    """An unpacked download."""

    folder: Path
    mock: bool
    ours: bool
    """Whether it is in the data directory, so that it may be dropped after preparing."""
    sound: bool = False
    """Whether it was just made, or compared with the published md5, so that it cannot be damaged."""
    view: Path | None = None
    """Where it is read, if `folder` does not have the layout that its competition expects."""

    @property
    def place(self) -> Path:
        """The folder that `prepare` reads."""
        return self.view or self.folder

    def laid_out(self, competition: Competition, workshop: Path) -> RawData:
        """The same data, found and put right for the competition (see `lay_out`).

        Raises:
            RawDataFault: if something is missing or cannot be read.
            UsageError: if it may not be read, or it cannot be told what is meant.
        """
        if self.mock or self.sound:
            return self
        require_plain(self.folder)
        mock = functools.partial(make_mock, competition, size=_SMALL_MOCK, seed=0)
        return replace(self, view=lay_out(self.folder, competition, workshop, mock))

    def as_given(self, message: str) -> str:
        """A message with the user's folder in place of ours, in which the data was put right."""
        return message.replace(str(self.view), str(self.folder)) if self.view else message

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
        for name in (_MOCK_MARK, _DAMAGE_MARK, f"{root.name}.zip"):
            (root / name).unlink(missing_ok=True)

    def mark_damaged(self) -> None:
        """Note that this raw data cannot be prepared, so that it is not used again as it is; only of ours that may be damaged."""
        if self.ours and not self.sound:
            note = {"state": state_of(self.folder)}
            (self.folder.parent / _DAMAGE_MARK).write_text(json.dumps(note) + "\n", encoding="utf-8")


def has_raw(competition: Competition) -> bool:
    """Whether a real, unpacked download is in the data directory that is not known to be damaged."""
    return has_real_content(competition.raw_dir)


def has_real_content(raw: Path) -> bool:
    """`has_raw` of a raw folder in the data directory."""
    return _has_content(raw) and not _is_mock(raw) and not is_damaged(raw)


def is_damaged(raw: Path) -> bool:
    """Whether raw data in the data directory turned out to be damaged, and nothing of it has changed since."""
    try:
        return bool(json.loads((raw.parent / _DAMAGE_MARK).read_text(encoding="utf-8"))["state"] == state_of(raw))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def make_mock(competition: Competition, raw: Path, *, size: int, seed: int) -> None:
    """Generate a small mock of the raw download, with the real schema, in the folder `raw`."""
    raw.mkdir(parents=True, exist_ok=True)
    if not competition.facts.generated:
        import numpy as np

        competition.mock_fn(raw, np.random.default_rng(seed), size)


def acquire(competition: Competition, options: PreparationOptions, listener: Listener = ignore) -> RawData:
    """Get a competition's raw data: from where the options say, made up, from an earlier download, or from Kaggle.

    A folder is read in place, a zip is unpacked into the data directory.

    Raises:
        UsageError: if the source does not exist or is not an archive, a mock would hide a real download, credentials are missing,
        or
            rules are not accepted.
        WorkFailed: if a download fails or is not the one of 2024.
    """
    raw = competition.raw_dir
    if competition.facts.generated:
        raw.mkdir(parents=True, exist_ok=True)
        return RawData(raw, mock=False, ours=True)
    if options.source is not None:
        return _from(options.source, raw, listener)
    if options.mock:
        listener(Step(raw.parent.name, "generating mock data"))
        return _mocked(competition, raw)
    if not has_real_content(raw):
        return RawData(raw, mock=False, ours=True, sound=_download(competition, options, listener))
    # behind a link it is somebody else's
    return RawData(raw, mock=False, ours=not raw.is_symlink())


def _from(source: Path, raw: Path, listener: Listener) -> RawData:
    require_source(source)
    if source.is_dir():
        # a folder of several downloads, as `prepare --split low --from DOWNLOADS` gets it
        inside = [source / f"{raw.parent.name}{ending}" for ending in _GIVEN]
        nested = next((path for path in inside if path.exists()), None)
        return _from(nested, raw, listener) if nested else RawData(source, mock=False, ours=False)
    if kind_of_archive(source) is None:
        raise UsageError(f"{source} is not a zip {_what_it_is(source)}")
    return RawData(unpack_into_place(source, raw, listener), mock=False, ours=True)


def require_source(source: Path) -> None:
    """Refuse what cannot be a download, before anything else is done.

    Raises:
        UsageError: if the path does not exist, or is neither a file nor a folder.
    """
    if not source.exists():
        what = "is a broken link" if source.is_symlink() else "does not exist"
        raise UsageError(f"{source} {what}; {_TAKES}")
    if not (source.is_file() or source.is_dir()):
        raise UsageError(f"{source} is neither a file nor a folder (a pipe, socket or device); {_TAKES}")


def require_on_kaggle(competition: Competition) -> None:
    """Refuse to download data of one's own: Kaggle may have another competition of that name.

    Raises:
        UsageError: if nothing says that Kaggle has the competition.
    """
    if competition.facts.kaggle is None:
        raise UsageError(
            f"{competition.id} is not on Kaggle, as its competition.yaml has no `kaggle`; "
            f"`{prepare_command([competition], ['--from', 'PATH'])}` prepares your data"
        )


def _what_it_is(source: Path) -> str:
    content = kind_of_content(source)
    if content == "the beginning of a zip":
        # a download that broke off lacks the list of members at its end
        return "that can be read: its end is missing, as after an interrupted download; download it again"
    if content == "a RAR archive":
        return f"but {content}; unpack it and pass the folder"
    return f"but {content}; {_TAKES}"


def _mocked(competition: Competition, raw: Path) -> RawData:
    there = _has_content(raw)
    if there and not _is_mock(raw):
        raise UsageError(f"{raw} contains a real download; `{competition.prepare_command}` without --mock prepares it")
    stale = not there or is_damaged(raw)
    if stale:
        raw.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=raw.parent) as folder:
            make_mock(competition, Path(folder) / "raw", size=MOCK_SIZE, seed=0)
            (raw.parent / _MOCK_MARK).write_text(json.dumps({"size": MOCK_SIZE, "seed": 0}) + "\n")
            put_in_place(Path(folder) / "raw", raw)
            (raw.parent / _DAMAGE_MARK).unlink(missing_ok=True)
    return RawData(raw, mock=True, ours=True, sound=stale)


def _download(competition: Competition, options: PreparationOptions, listener: Listener) -> bool:
    """Download, check and unpack; the zip is kept if it is sound but not the one of 2024.

    Returns:
        Whether the zip has the published md5.
    """
    from mlebench.kaggle.download import download

    require_on_kaggle(competition)
    transfer = options.transfer
    archive = download(competition, competition.root, transfer=transfer, listener=listener)
    if options.verify and _arrived_damaged(competition, archive, options, listener):
        archive.unlink()
        archive = download(competition, competition.root, transfer=transfer, listener=listener)
        if _arrived_damaged(competition, archive, options, listener):
            raise WorkFailed(f"{archive} arrived damaged twice; try again later")
    try:
        unpack_into_place(archive, competition.raw_dir, listener)
    except RawDataFault:
        # a damaged archive must not be taken for the download again
        archive.unlink(missing_ok=True)
        raise
    archive.unlink(missing_ok=True)
    return options.verify and competition.facts.md5.zip is not None


def _arrived_damaged(competition: Competition, archive: Path, options: PreparationOptions, listener: Listener) -> bool:
    """Compare with the published md5.

    Returns:
        True if the file is broken, so that another download helps.

    Raises:
        WorkFailed: if the file is sound, but another one.
    """
    expected = competition.facts.md5.zip
    if expected is None:
        return False

    def compute(path: Path) -> str:
        return md5(path, Tally(listener, competition.id, "checking the download", path.stat().st_size).add)

    with ChecksumCache.of(competition.root) as cache:
        found = cache.look_up("md5", archive, compute)
    if found == expected:
        return False
    members = _sound_members(archive)
    if members is None:
        return True
    raise WorkFailed(
        f"{archive} has md5 {found}, but the zip of 2024 had {expected}; all {members:,} members are intact, so the "
        f"download is complete: Kaggle may have re-packed the archive or changed the data (`unzip -v {archive}` lists checksums "
        f"by member to compare). {options.command(competition, verify=False)} continues with it"
    )


def _sound_members(archive: Path) -> int | None:
    """Number of members of a zip; None if it is broken."""
    try:
        with zipfile.ZipFile(archive) as opened:
            return None if opened.testzip() else len(opened.infolist())
    except Exception as error:
        if not is_of_the_content(error):
            raise
        return None


def unpack_into_place(archive: Path, raw: Path, listener: Listener) -> Path:
    """Unpack an archive so that `raw` only ever appears complete; what stood there is replaced."""
    listener(Step(raw.parent.name, "unpacking"))
    raw.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=raw.parent) as folder:
        made = extract(archive, Path(folder) / "raw", lambda total: Tally(listener, raw.parent.name, "unpacking", total).add)
        shutil.rmtree(made / "__MACOSX", ignore_errors=True)
        put_in_place(made, raw)
    # after the data, so that a kill in between never passes a mock off as a download
    for mark in (_MOCK_MARK, _DAMAGE_MARK):
        (raw.parent / mark).unlink(missing_ok=True)
    return raw


def _has_content(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _is_mock(raw: Path) -> bool:
    return (raw.parent / _MOCK_MARK).exists()
