"""What a file says of itself beside its content: tags, comments, headers, trailing bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mlebench.preparation.audit.seen.listing import Seen, SeenFile


def said_by(files: Sequence[SeenFile], seen: Seen, *, jobs: int = 1) -> Iterator[tuple[SeenFile, dict[str, str]]]:
    """For each file what it says, by name.

    Names are `exif.ImageDescription`, `png.text.Comment`, `tiff.270`, `dicom.PatientID`, `jpeg.comment`, `wav.LIST.INAM`,
    `trailing` (bytes after the end of the format, decoded), `zip.comment`, `npy.descr`, `parquet.meta.KEY`, `tfrecord.KEY`,
    `mat.Video.Labels`, `image.width`, `image.height`, `image.mode`, `sound.rate`, `sound.seconds`, …; text is of at most 1,000
    characters each, numbers are in their shortest decimal form.
    """
    raise NotImplementedError


def text_lines(files: Iterable[SeenFile], seen: Seen, *, most: int = 2**24) -> Iterator[tuple[SeenFile, str]]:
    """Files that are text (json, nmea, log, xml, yaml, md, txt, srt …), decoded, of at most `most` bytes."""
    raise NotImplementedError
