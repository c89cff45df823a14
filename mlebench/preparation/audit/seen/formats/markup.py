"""Tables within text that is not made of columns: markup, lines of `key: value`, and values of SQL."""

from __future__ import annotations

import csv
import html
import re
from collections import Counter
from collections.abc import Iterator
from xml.etree import ElementTree

from mlebench.preparation.audit.seen.formats.delimited import is_header
from mlebench.preparation.audit.seen.formats.encoding import decoded, encoding_of
from mlebench.preparation.audit.seen.formats.found import (
    LONGEST_CELL,
    Content,
    Found,
    columns_of,
    distinct,
    frames_of_records,
    frames_of_rows,
)

_MOST = 2**26
"""Bytes of a text that are read."""
_FEWEST = 3
"""Rows of a table."""
_DEEPEST = 20
_PAIR = re.compile(
    r"""[ \t]*[-{]?[ \t]*(["']?)([^"':=,(){}\s][^"':=,(){}]{0,199}?)\1"""
    r"""[ \t]*(?::=|=>|[:=])[ \t]*(["']?)([^\n]{1,500}?)\3[ \t]*[,;}]?[ \t]*"""
)
_ROW, _CELL, _MARK = (
    re.compile(r"<tr\b.*?</tr>", re.S | re.I),
    re.compile(r"<t[dh]\b[^>]*>(.*?)</t[dh]>", re.S | re.I),
    re.compile(r"<[^>]*>"),
)
_VALUES = re.compile(r"\(((?:'(?:[^']|'')*'|[^()'])*)\)")


def tables(content: Content) -> Iterator[Found]:
    """The tables of a text in Markdown, HTML, XML, YAML, SQL or code.

    Raises:
        ValueError: it is damaged.
    """
    with content.stream() as stream:
        raw = stream.read(_MOST)
    encoding = encoding_of(raw[:4096])
    if encoding is None:
        return
    text = decoded(raw, encoding)
    name = content.name.lower()
    if name.endswith((".xml", ".gpx", ".kml", ".svg", ".xmp")) or text.lstrip()[:5] == "<?xml":
        yield from _elements(text)
        return
    for part, rows in (("rows", _html_rows(text)), ("table", _piped_rows(text)), ("values", _sql_rows(text, name))):
        if len(rows) >= _FEWEST:
            yield _of_rows(part, rows)
    if len(pairs := _pairs(text)) >= _FEWEST:
        yield Found("pairs", ("key", "value"), lambda rows: frames_of_rows(pairs, ("key", "value"), rows))


def _of_rows(part: str, rows: list[list[str]]) -> Found:
    width = Counter(map(len, rows)).most_common(1)[0][0]
    rows = [row for row in rows if len(row) == width]
    header = is_header(rows[0], rows[1:], width)
    columns = distinct(rows[0]) if header else tuple(map(str, range(width)))
    return Found(part, columns, lambda count: frames_of_rows(rows[1:] if header else rows, columns, count))


def _html_rows(text: str) -> list[list[str]]:
    if "<tr" not in text and "<TR" not in text:
        return []
    rows = ([html.unescape(_MARK.sub("", cell)).strip() for cell in _CELL.findall(row)] for row in _ROW.findall(text))
    return [row for row in rows if row]


def _piped_rows(text: str) -> list[list[str]]:
    """Rows of the widest kind of tables in Markdown."""
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in text.splitlines()
        if line.lstrip().startswith("|") and not re.fullmatch(r"[\s|:\-+=]*", line)
    ]
    return [row for row in rows if len(row) > 1]


def _sql_rows(text: str, name: str) -> list[list[str]]:
    if not name.endswith((".sql", ".dump")):
        return []
    found = (values for start in text.split("VALUES")[1:] for values in _VALUES.findall(start.partition(";\n")[0]))
    return [next(csv.reader([values], quotechar="'", skipinitialspace=True), []) for values in found]


def _pairs(text: str) -> list[tuple[str, str]]:
    """Lines of a key and a value; none if most lines are something else."""
    lines = [line for line in text.splitlines() if line.strip() and line.lstrip()[0] not in "#{}[]()%"]
    found = [match for line in lines if len(line) < 1_000 and (match := _PAIR.fullmatch(line))]
    return [(match[2].strip(), match[4].strip()) for match in found] if len(found) > 0.5 * len(lines) else []


def _elements(text: str) -> Iterator[Found]:
    """Elements of the same name next to each other, of which each is a record."""
    if "<!DOCTYPE" in text[:4096] or "<!ENTITY" in text:
        raise ValueError("it declares a document type")
    try:
        root = ElementTree.fromstring(text.encode())
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(f"it is not valid XML ({error})") from None
    waiting = [(root, "", 0)]
    while waiting:
        element, path, depth = waiting.pop()
        counts = Counter(_local(inner.tag) for inner in element)
        for name, count in counts.items():
            if count >= _FEWEST:
                records = [dict(_cells(inner)) for inner in element if _local(inner.tag) == name]
                yield _of_records(f"{path}.{name}" if path else name, records)
        if depth < _DEEPEST:
            waiting += [
                (inner, f"{path}.{_local(inner.tag)}" if path else _local(inner.tag), depth + 1)
                for inner in element
                if counts[_local(inner.tag)] < _FEWEST
            ]


def _of_records(part: str, records: list[dict[str, str]]) -> Found:
    columns = columns_of(records)
    return Found(part, columns, lambda rows: frames_of_records(records, columns, rows))


def _cells(element: ElementTree.Element, name: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    for key, value in element.attrib.items():
        yield f"{name}.{_local(key)}" if name else _local(key), value
    if text := (element.text or "").strip():
        yield name or "text", text[:LONGEST_CELL]
    for inner in element if depth < _DEEPEST else ():
        yield from _cells(inner, f"{name}.{_local(inner.tag)}" if name else _local(inner.tag), depth + 1)


def _local(name: object) -> str:
    return str(name).rpartition("}")[2]
