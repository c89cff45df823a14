"""What a file says about itself next to its content: tags, comments, headers, trailing bytes."""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mlebench.data.raw_faults import is_of_the_content
from mlebench.data.workers import Workers
from mlebench.preparation.audit.seen.archives.kind import open_archive
from mlebench.preparation.audit.seen.archives.zips import Zip
from mlebench.preparation.audit.seen.file import SeenFile
from mlebench.preparation.audit.seen.formats.encoding import decoded, encoding_of
from mlebench.preparation.audit.seen.listing import Seen
from mlebench.preparation.audit.seen.spooling import beginning
from mlebench.preparation.audit.seen.tags.kind import say
from mlebench.preparation.audit.seen.tags.saying import Sayings, text_of
from mlebench.preparation.audit.seen.window import AnyWindow, open_window

_MOST = 2**25
"""Bytes that are unpacked of a packed member."""
_BATCH = 256
_WORTH_PROCESSES = 4_000
"""Files from which on it pays to start processes."""
_HEAD = 512

Answer = tuple[dict[str, str], str | None]
"""What a file says, and what is wrong with it."""


def said_by(files: Sequence[SeenFile], seen: Seen, *, jobs: int = 1) -> Iterator[tuple[SeenFile, dict[str, str]]]:
    """For each file what it says, by name; those that cannot be read are left out and among the troubles of `seen`.

    Names are `exif.ImageDescription`, `png.text.Comment`, `tiff.270`, `dicom.PatientID`, `jpeg.comment`, `wav.LIST.INAM`,
    `trailing` (bytes after the end of the format, decoded), `zip.comment`, `npy.descr`, `parquet.meta.KEY`, `tfrecord.KEY` and
    `mat.Video.Labels.Name` (of files of one unit), `json.a.b` and `xml.a.b` (of small documents), `text` (a whole small text),
    `pickle` and `strings` (values within what only programs read), `image.width`, `image.height`, `image.mode` (channels x bits),
    `sound.rate`, `sound.seconds`, …; text is of at most 1,000 characters each, numbers are in their shortest decimal form.

    Args:
        files: which, in any order; answers come in another.
        seen: the listing that they are of.
        jobs: processes that may be used.
    """
    direct, rest = _by_archive(files, seen)
    workers = Workers(jobs if sum(map(len, direct.values())) >= _WORTH_PROCESSES else 1)
    batches = [(archive, batch) for archive, found in direct.items() for batch in _batches(found)]
    tasks = (
        (seen.public, archive, [(file.path if archive is None else "", at, file.size) for file, at in batch])
        for archive, batch in batches
    )
    for (_, batch), answers in zip(batches, workers.map(say_batch, tasks), strict=True):
        for (file, _), (said, trouble) in zip(batch, answers, strict=True):
            yield from _answer(file, said, trouble, seen)
    for file, window in seen.windows(rest, _MOST):
        yield from _answer(file, *_say(window), seen)


def _by_archive(files: Iterable[SeenFile], seen: Seen) -> tuple[dict[str | None, list[tuple[SeenFile, int]]], list[SeenFile]]:
    """Files that another process can open itself, by archive, with where they begin; and the others."""
    direct: dict[str | None, list[tuple[SeenFile, int]]] = defaultdict(list)
    rest = []
    for file in files:
        if file.link is None and file.size:
            if (at := seen.place(file)) is None:
                rest.append(file)
            else:
                direct[file.archive].append((file, at))
    return direct, rest


def _batches(found: Sequence[tuple[SeenFile, int]]) -> Iterator[Sequence[tuple[SeenFile, int]]]:
    for start in range(0, len(found), _BATCH):
        yield found[start : start + _BATCH]


def _answer(file: SeenFile, said: dict[str, str], trouble: str | None, seen: Seen) -> Iterator[tuple[SeenFile, dict[str, str]]]:
    if trouble is not None:
        seen.tell(file.path, trouble)
    if file.comment:
        said["zip.comment"] = file.comment[:1_000]
    if trouble is None or said:
        yield file, said


def say_batch(public: Path, archive: str | None, files: Sequence[tuple[str, int, int]]) -> list[Answer]:
    """What files say; called in processes of their own.

    Args:
        public: the folder.
        archive: the archive below it that all of them are members of; None for plain files.
        files: path below the folder, place in the archive, and size of each.
    """
    if archive is None:
        return [_say_plain(public / path) for path, _, _ in files]
    try:
        with open_window(public / archive) as window:
            opened = open_archive(window, archive)
            if opened is None:
                raise OSError("it has changed")
            answers = []
            for _, at, size in files:
                try:
                    within, method = opened.window(at, size), "stored"
                    if within is None:
                        method = "packed"
                        with opened.open(0, at, size) as stream:
                            within = beginning(stream, size, _MOST)
                    said, trouble = _say(within)
                    if isinstance(opened, Zip):
                        said["zip.method"] = method
                    answers.append((said, trouble))
                except OSError as error:
                    answers.append(({}, _reason(error)))
            return answers
    except OSError as error:
        return [({}, _reason(error))] * len(files)


def _say_plain(path: Path) -> Answer:
    try:
        with open_window(path) as window:
            said, trouble = _say(window)
            _say_attributes(path, said)
            return said, trouble
    except OSError as error:
        return {}, _reason(error)


def _say_attributes(path: Path, said: dict[str, str]) -> None:
    """What the file system keeps next to a file under names of users' choice."""
    with contextlib.suppress(OSError):
        for name in os.listxattr(path, follow_symlinks=False)[:20]:
            if name.startswith("user."):
                said[f"xattr.{name}"] = text_of(os.getxattr(path, name, follow_symlinks=False)[:4_000])[:1_000]


def _say(window: AnyWindow) -> Answer:
    said = Sayings()
    try:
        say(window, said)
    except ModuleNotFoundError as error:
        return dict(said), f"the package {error.name} that reads it is not installed"
    except Exception as error:
        # whatever a damaged or hostile file makes a reader stumble over
        if not is_of_the_content(error):
            raise
        return dict(said), f"it is damaged ({_reason(error)})"
    return dict(said), None


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"{type(error).__name__}: {error}"


def text_lines(files: Iterable[SeenFile], seen: Seen, *, most: int = 2**24) -> Iterator[tuple[SeenFile, str]]:
    """Files that are text (json, nmea, log, xml, yaml, md, txt, srt …), decoded, of at most `most` bytes."""
    for file, window in seen.windows((file for file in files if file.size), most):
        try:
            if (encoding := encoding_of(window.at(0, _HEAD))) is not None:
                yield file, decoded(window.at(0, most), encoding)
        except OSError as error:
            seen.tell(file.path, error)
