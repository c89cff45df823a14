"""Tiny files of the kind of real ones: which expression makes their bytes, and where an example of them is in the raw data."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from mlebench.data import extract, open_zip
from mlebench.data.archives import kind_of_archive
from mlebench.scaffold.draft.written.columns import Column, expression
from mlebench.scaffold.draft.written.script import Script, literal

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".gif", ".webp")
TABLE_SUFFIXES = (".csv", ".tsv")
_LARGEST_EXAMPLE = 64 * 2**20
_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP")
_MODES = {"L": "L", "1": "L", "I;16": "L", "I": "L", "RGBA": "RGBA", "LA": "RGBA"}


def names_in(raw: Path, entry: str, most: int = 2_000) -> list[str]:
    """Names of files in a folder (which ends with a slash) or an archive of the raw data, sorted; no links.

    Args:
        raw: the raw folder.
        entry: the folder or archive.
        most: how many are wanted.
    """
    path = raw / entry
    if path.is_dir():
        found = (file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file() and not file.is_symlink())
        return sorted(name for name, _ in zip(found, range(most), strict=False))
    if kind_of_archive(path) == "zip":
        with open_zip(path) as archive:
            return sorted(name for name in archive.namelist() if not name.endswith("/"))[:most]
    with _unpacked(path) as folder:
        return names_in(folder, "", most)


def example(raw: Path, entry: str, name: str) -> bytes:
    """The bytes of one file in a folder or archive, of a large one the beginning; nothing if it is a link."""
    path = raw / entry
    if path.is_dir():
        return b"" if (path / name).is_symlink() else _beginning(path / name)
    if kind_of_archive(path) == "zip":
        with open_zip(path) as archive, archive.open(name) as member:
            return member.read(_LARGEST_EXAMPLE)
    with _unpacked(path) as folder:
        return _beginning(folder / name)


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LARGEST_EXAMPLE)


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        yield extract(path, Path(scratch))


def content(script: Script, name: str, real: bytes) -> str:
    """An expression for a function that makes the bytes of a file of the same kind, each time others.

    Args:
        script: gets the imports.
        name: the real file's name.
        real: its bytes.
    """
    suffix = PurePosixPath(name.lower()).suffix
    if suffix in (".dcm", ".dicom") or real[128:132] == b"DICM":
        return f"{script.use('dicoms')}(rng)"
    if suffix in IMAGE_SUFFIXES:
        return _image(script, real)
    if real[:4] == b"RIFF" and real[8:12] == b"WAVE":
        return f"lambda: {script.use('wav_bytes')}(rng, {int.from_bytes(real[24:28], 'little') or 8_000}, 0.05)"
    if real[:4] == b"FORM" and real[8:11] == b"AIF":
        return f"lambda: {script.use('aiff_bytes')}(rng, 2000, 0.05)"
    if suffix in TABLE_SUFFIXES:
        return _table(script, real)
    if suffix == ".npy":
        return _array(script, real)
    if suffix in (".txt", ".md"):
        return f"lambda: {script.use('phrases')}(rng, 1, 5, 20)[0].encode()"
    if suffix == ".json":
        return 'lambda: b"{}"'
    return "lambda: rng.bytes(64)"


def _image(script: Script, real: bytes) -> str:
    from PIL import Image

    script.use("image_bytes")
    try:
        with Image.open(io.BytesIO(real)) as opened:
            form, mode = opened.format or "PNG", _MODES.get(opened.mode, "RGB")
    except OSError:
        form, mode = "JPEG", "RGB"
    form = form if form in _FORMATS else "PNG"
    mode = "RGB" if mode == "RGBA" and form in ("JPEG", "BMP") else mode
    arguments = ['"JPEG"' if form == "JPEG" else literal(form), "(16, 16)", literal(mode)]
    return f"lambda: image_bytes(rng, {', '.join(arguments)})".replace(', "RGB")', ")").replace(", 'RGB')", ")")


def _table(script: Script, real: bytes) -> str:
    import tempfile

    from mlebench.errors import RawDataFault
    from mlebench.scaffold.draft.written.tables import see

    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "table.csv").write_bytes(real)
        try:
            seen = see(Path(scratch), "table.csv")
        except RawDataFault:
            return "lambda: rng.bytes(64)"
    script.use_module("import pandas as pd")
    cells = []
    for name in seen.values.columns:
        column = Column(str(name), seen.values[name], None if seen.written is None else seen.written[name])
        cells.append(f"{literal(str(name))}: {expression(script, column, coarse=True, count='8')}")
    delimiter = "" if seen.delimiter == "," else f"sep={literal(seen.delimiter)}, "
    return f"lambda: pd.DataFrame({{{', '.join(cells)}}}).to_csv({delimiter}index=False).encode()"


def _array(script: Script, real: bytes) -> str:
    import numpy as np

    try:
        shape = tuple(min(length, 4) for length in np.load(io.BytesIO(real), allow_pickle=False).shape)
    except ValueError:
        shape = (4, 4)
    return f"lambda: {script.use('array_bytes')}(rng, {shape})"
