"""Documents, archives and arrays: titles, comments, headers and what follows the end."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import zipfile
from typing import Any

from mlebench.preparation.audit.seen.archives.zips import read_ends
from mlebench.preparation.audit.seen.tags.saying import LONGEST, Sayings, number
from mlebench.preparation.audit.seen.window import AnyWindow, as_file

_TEXT = re.compile(rb"[\x20-\x7e\t]{4,}")
_MOST_HELD = 2**22
_FEW = 16
"""Values of an array that is said as a whole."""


def read_zip(window: AnyWindow, said: Sayings) -> None:
    """Comment, what stands before the first member and behind the end; of documents their properties."""
    ends = read_ends(window)
    said.say_bytes("zip.comment", ends.comment)
    said.say_bytes("trailing", ends.trailing.strip(b"\0"))
    if ends.shift:
        said.say_bytes("zip.before", window.at(0, min(ends.shift, 4 * LONGEST)))
    head = window.at(0, 600)
    if b"[Content_Types].xml" in head or b"docProps/" in head or b"_rels/" in head:
        with contextlib.suppress(zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, ValueError):
            _say_properties(window, said)


def _say_properties(window: AnyWindow, said: Sayings) -> None:
    with zipfile.ZipFile(as_file(window)) as opened:
        for name in opened.namelist():
            if name.startswith(("docProps/", "xl/comments", "word/comments")) and name.endswith(".xml"):
                with opened.open(name) as member:
                    text = member.read(2**16).decode("utf-8", "replace")
                for found in re.finditer(r"<(?:\w+:)?(\w+)[^<>]*>([^<>]+)</", text):
                    said.say(f"document.{found[1]}", found[2])


def read_gzip(window: AnyWindow, said: Sayings) -> None:
    """The name, comment and extra field of the header."""
    head = window.at(0, 2**17)
    flags, place = number(head, "B", 3), 10
    said.say("gzip.form", head[8:10].hex())
    if flags & 4:
        length = number(head, "<H", place)
        said.say_bytes("gzip.extra", head[place + 2 : place + 2 + length])
        place += 2 + length
    for flag, name in ((8, "gzip.name"), (16, "gzip.comment")):
        if flags & flag:
            end = head.find(b"\0", place)
            said.say_bytes(name, head[place:end])
            place = end + 1 if end >= 0 else len(head)


def read_npy(window: AnyWindow, said: Sayings) -> None:
    """The header, and what follows the array."""
    head = window.at(0, 2**16)
    wide = number(head, "B", 6) > 1
    length = number(head, "<I" if wide else "<H", 8)
    start = 12 if wide else 10
    text = head[start : start + length].decode("latin-1")
    try:
        header = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        said.say("npy.header", text)
        return
    if not isinstance(header, dict):
        return
    for key, value in header.items():
        said.say(f"npy.{key}", str(value))
    _say_after_array(window, start + length, header, said)


def _say_after_array(window: AnyWindow, place: int, header: dict[Any, Any], said: Sayings) -> None:
    import numpy as np

    try:
        kind = np.dtype(header["descr"])
        count = int(np.prod(header["shape"], dtype=np.int64))
    except (KeyError, TypeError, ValueError, OverflowError):
        return
    if 0 < count <= _FEW and not kind.hasobject and kind.names is None:
        content = window.at(place, count * kind.itemsize)
        said.say("npy.values", " ".join(map(str, np.frombuffer(content, kind))) if kind.itemsize else "")
    if not kind.hasobject and place + count * kind.itemsize < window.size:
        said.say_bytes("trailing", window.at(place + count * kind.itemsize, 4 * LONGEST).strip(b"\0"))


def read_parquet(window: AnyWindow, said: Sayings) -> None:
    """Metadata of the file and of its columns, and who wrote it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(as_file(window))
    except (pa.ArrowException, OSError):
        return
    said.say("parquet.created_by", str(file.metadata.created_by or ""))
    _say_metadata(file.metadata.metadata, "parquet.meta.", said)
    for column in file.schema_arrow:
        _say_metadata(column.metadata, f"parquet.column.{column.name}.", said)


def read_feather(window: AnyWindow, said: Sayings) -> None:
    """Metadata of the table and of its columns."""
    import pyarrow as pa

    try:
        schema = pa.ipc.open_file(as_file(window)).schema
    except (pa.ArrowException, OSError):
        return
    _say_metadata(schema.metadata, "feather.meta.", said)
    for column in schema:
        _say_metadata(column.metadata, f"feather.column.{column.name}.", said)


def _say_metadata(found: Any, prefix: str, said: Sayings) -> None:
    for key, value in (found or {}).items():
        if key not in (b"ARROW:schema", b"PARQUET:field_id", b"pandas"):
            said.say_bytes(prefix + key.decode("utf-8", "replace"), value)


def read_pdf(window: AnyWindow, said: Sayings) -> None:
    """What a PDF says about its title, author and the like, and what follows its end."""
    content = window.at(0, min(window.size, _MOST_HELD)) + (
        window.at(window.size - 2**16, 2**16) if window.size > _MOST_HELD else b""
    )
    for found in re.finditer(
        rb"/(Title|Author|Subject|Keywords|Creator|Producer|CreationDate|ModDate)\s*[(<]([^)>]{1,1000})[)>]", content
    ):
        raw = found[2]
        with contextlib.suppress(ValueError):
            raw = bytes.fromhex(raw.decode("ascii", "replace")) if found[0].endswith(b">") else raw
        said.say_bytes(f"pdf.{found[1].decode()}", raw)
    if (end := content.rfind(b"%%EOF")) >= 0:
        said.say_bytes("trailing", content[end + 5 :].strip())


def read_nifti(window: AnyWindow, said: Sayings) -> None:
    """The texts and sizes of a NIfTI header, and its extensions."""
    head = window.at(0, 352)
    order = "<" if number(head, "<i") == 348 else ">"
    for name, first, end in (
        ("data_type", 4, 14),
        ("db_name", 14, 32),
        ("descrip", 148, 228),
        ("aux_file", 228, 252),
        ("intent", 328, 344),
    ):
        said.say_bytes(f"nifti.{name}", head[first:end].split(b"\0")[0])
    said.say(
        "nifti.shape",
        " ".join(str(number(head, f"{order}h", 42 + 2 * at)) for at in range(min(7, number(head, f"{order}h", 40)))),
    )
    if head[348:349] == b"\1":
        size = number(window.at(352, 8), f"{order}i")
        said.say_bytes("nifti.extension", window.at(360, max(0, min(size - 8, 4 * LONGEST))))


def read_strings(window: AnyWindow, said: Sayings, *, fewest: int = 6) -> None:
    """Stretches of letters at both ends of what nobody else reads."""
    content = window.at(0, 2**16)
    if window.size > 2**16:
        content += b"\0" + window.at(max(2**16, window.size - 2**14), 2**14)
    found = (piece[0].decode("ascii").strip() for piece in _TEXT.finditer(content))
    said.say(
        "strings", "\n".join(text for text in found if len(text) >= fewest and sum(map(str.isalnum, text)) > 0.7 * len(text))
    )


def read_pickle(window: AnyWindow, said: Sayings) -> None:
    """The plain values of a pickle, which is not unpickled."""
    from mlebench.preparation.audit.seen.formats.pickled import followed

    if window.size <= _MOST_HELD:
        with contextlib.suppress(ValueError):
            said.say("pickle", "\n".join(_plain(followed(window.at(0, window.size)))))
            return
    read_strings(window, said)


def _plain(value: Any, depth: int = 0) -> list[str]:
    if isinstance(value, str | int | float | bool):
        return [str(value)]
    if isinstance(value, dict):
        value = [item for pair in value.items() for item in pair]
    if not isinstance(value, list | tuple) or depth > 20:
        return []
    found: list[str] = []
    for item in value:
        if len(found) > LONGEST:
            break
        found += _plain(item, depth + 1)
    return found


def read_matlab(window: AnyWindow, said: Sayings) -> None:
    """The header's text, and short values of all variables."""
    from scipy.io import loadmat

    from mlebench.preparation.audit.seen.formats.arrays import plain

    said.say_bytes("mat.header", window.at(0, 116).strip())
    if window.size > 2**26:
        return
    try:
        values = loadmat(io.BytesIO(window.at(0, window.size)), simplify_cells=True)
    except Exception:
        # the library raises anything over damaged files
        return
    for name, value in values.items():
        if not name.startswith("__"):
            for key, text in _columns(plain(value), f"mat.{name}"):
                said.say(key, text)


def _columns(value: Any, name: str, depth: int = 0) -> list[tuple[str, str]]:
    """Values by name; of a list of structures the values of each field, one after the other."""
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in _columns(item, f"{name}.{key}", depth + 1)] if depth < 8 else []
    if isinstance(value, list):
        if value and all(isinstance(item, dict) for item in value):
            keys = list(value[0])
            return [
                found
                for key in keys
                for found in _columns([item.get(key, "") for item in value], f"{name}.{key}", depth + 1)
                if depth < 8
            ]
        if any(isinstance(item, dict | list) for item in value):
            return []
        return [(name, " ".join(map(str, value)))]
    return [(name, str(value))]
