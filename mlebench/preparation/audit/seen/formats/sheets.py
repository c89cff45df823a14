"""Workbooks of Excel (xlsx)."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from itertools import islice
from typing import IO, TYPE_CHECKING
from xml.etree import ElementTree

from mlebench.preparation.audit.seen.formats.delimited import is_header
from mlebench.preparation.audit.seen.formats.found import MOST_COLUMNS, Content, Found, distinct, frames_of_rows
from mlebench.preparation.audit.seen.window import as_file

if TYPE_CHECKING:
    import pandas as pd

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_SAMPLE = 200
_LARGEST = 2**32
"""Bytes of one part of a workbook, unpacked."""


def tables(content: Content) -> Iterator[Found]:
    """The sheets of a workbook, hidden ones included.

    Raises:
        ValueError: it is damaged.
    """
    with content.window() as window, zipfile.ZipFile(as_file(window)) as opened:
        sheets = list(_sheets(opened))
        samples = [list(islice(_rows(opened, path), _SAMPLE)) for _, path in sheets]
    for (name, path), sample in zip(sheets, samples, strict=True):
        width = min(MOST_COLUMNS, max(map(len, sample), default=0))
        if not width:
            continue
        header = is_header([*sample[0], *[""] * (width - len(sample[0]))], sample[1:], width)
        columns = distinct((sample[0] + [""] * width)[:width]) if header else tuple(map(str, range(width)))
        yield _table(content, name if len(sheets) > 1 else "", path, columns, header)


def _table(content: Content, name: str, path: str, columns: tuple[str, ...], header: bool) -> Found:
    def frames(rows: int) -> Iterator[pd.DataFrame]:
        with content.window() as window, zipfile.ZipFile(as_file(window)) as opened:
            yield from frames_of_rows(islice(_rows(opened, path), int(header), None), columns, rows)

    return Found(name, columns, frames)


def _sheets(opened: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    targets = {}
    for relation in _elements(opened, "xl/_rels/workbook.xml.rels"):
        if relation.get("Id"):
            targets[relation.get("Id")] = posixpath.join("xl", relation.get("Target", "")).replace("xl//xl/", "xl/").lstrip("/")
    for sheet in _elements(opened, "xl/workbook.xml"):
        if sheet.tag == f"{_MAIN}sheet" and (path := targets.get(sheet.get(_RELATION))) in opened.NameToInfo:
            yield sheet.get("name", path or ""), path or ""


def _elements(opened: zipfile.ZipFile, path: str) -> Iterator[ElementTree.Element]:
    if path not in opened.NameToInfo:
        return
    if opened.NameToInfo[path].file_size > _LARGEST:
        raise ValueError("a part of it is too large")
    try:
        with opened.open(path) as member:
            for _, element in ElementTree.iterparse(_without_declarations(member)):
                yield element
    except ElementTree.ParseError as error:
        raise ValueError(f"it is damaged ({error})") from None


def _without_declarations(member: IO[bytes]) -> IO[bytes]:
    """Refuse what defines entities, by which a small text becomes a large one."""
    head = member.read(1024)
    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
        raise ValueError("it declares a document type")
    member.seek(0)
    return member


def _rows(opened: zipfile.ZipFile, path: str) -> Iterator[list[str]]:
    shared = [_text(item) for item in _elements(opened, "xl/sharedStrings.xml") if item.tag == f"{_MAIN}si"]
    for row in _elements(opened, path):
        if row.tag != f"{_MAIN}row":
            continue
        cells: dict[int, str] = {}
        for number, item in enumerate(row.iter(f"{_MAIN}c")):
            at = _column(item.get("r"), number)
            if at < MOST_COLUMNS:
                cells[at] = _value(item, shared)
        row.clear()
        yield [cells.get(at, "") for at in range(max(cells, default=-1) + 1)]


def _value(item: ElementTree.Element, shared: list[str]) -> str:
    if item.get("t") == "inlineStr":
        return _text(item)
    value = item.findtext(f"{_MAIN}v") or ""
    if item.get("t") == "s":
        return shared[int(value)] if value.isdigit() and int(value) < len(shared) else ""
    return value


def _text(item: ElementTree.Element) -> str:
    return "".join(piece.text or "" for piece in item.iter(f"{_MAIN}t"))


def _column(reference: str | None, otherwise: int) -> int:
    letters = re.match(r"[A-Z]{1,3}", reference or "")
    if letters is None:
        return otherwise
    number = 0
    for letter in letters[0]:
        number = number * 26 + ord(letter) - 64
    return number - 1
