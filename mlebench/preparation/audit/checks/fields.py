"""Fields of small text files that are next to single test units: `label: cat`, `{"label": "cat"}`, `<label>cat</label>`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.files import FileGroup, Finder, file_groups
from mlebench.preparation.audit.checks.once import once
from mlebench.preparation.audit.seen.tables import SeenTable, tables_of

TEXTS = frozenset({
    ".ann", ".cfg", ".cls", ".csv", ".geojson", ".html", ".info", ".ini", ".json", ".lab", ".label", ".log", ".md", ".meta",
    ".nmea", ".srt", ".toml", ".tsv", ".txt", ".xml", ".xmp", ".yaml", ".yml",
})  # fmt: skip
_MOST_BYTES = 2**16
_MOST_FIELDS = 300
_MOST_FILES = 50_000
_LONGEST = 1_000
_MOST_OF_A_TEXT = 2**22
_MOST_TEXTS = 200
_LEAST_LISTED = 20
_LONGEST_JOINED = 20_000
_MOST_OF_A_TABLE = 300
_PAIR = re.compile(r"^[\s#;/*-]*([\w .$-]{1,60}?)\s*[:=]\s*(.{1,1000}?)\s*[,;]?\s*$", re.MULTILINE)
_ELEMENT = re.compile(r"<([\w:.-]{1,60})[^<>]*>([^<>]{1,1000})</\1>")
_ATTRIBUTE = re.compile(r"([\w:.-]{1,60})=[\"']([^\"'<>]{1,1000})[\"']")


@dataclass(frozen=True)
class FieldsOfFiles:
    """What text files say, one for each unit."""

    pattern: str
    units: np.ndarray
    """Shape (test rows,), int64: position of the file of a row, -1 for none."""
    cells: Mapping[str, np.ndarray]
    """By field, shape (files,), object: text, None if a file has none."""


@once
def fields_of_files(case: Case) -> Sequence[FieldsOfFiles]:
    """The fields of all text files of test units."""
    fields: list[FieldsOfFiles] = []
    for group in file_groups(case):
        if group.files[0].suffix in TEXTS or not group.files[0].suffix:
            found = _fields_of(case, group)
            if found:
                fields.append(FieldsOfFiles(group.pattern, group.units, found))
    return fields


def _fields_of(case: Case, group: FileGroup) -> dict[str, np.ndarray]:
    places = {file.path: place for place, file in enumerate(group.files)}
    found: dict[str, np.ndarray] = {}
    for file, content in case.seen.contents(group.files[:_MOST_FILES], _MOST_BYTES):
        if b"\0" in content[:1024]:
            continue
        for name, value in fields_of(content.decode("utf-8", "replace")).items():
            if name not in found and len(found) < _MOST_FIELDS:
                found[name] = np.full(len(group.files), None, dtype=object)
            if name in found:
                found[name][places[file.path]] = value
    return found


def fields_of(text: str) -> dict[str, str]:
    """What a text says, by name; of a name that occurs several times the first value, and all of them joined as `NAME[]`."""
    found: dict[str, list[str]] = {}
    pairs = [*_json_pairs(text)] or [*_PAIR.findall(text), *_ELEMENT.findall(text), *_ATTRIBUTE.findall(text)]
    for name, value in pairs[:2_000]:
        found.setdefault(name.strip(), []).append(value)
    fields = {name: values[0][:_LONGEST] for name, values in found.items()}
    fields |= {f"{name}[]": " ".join(values)[:_LONGEST_JOINED] for name, values in found.items() if len(values) > 1}
    if found:
        fields |= {"(order of names)": ",".join(found)[:_LONGEST], "(first name)": next(iter(found))}
    lines = text.strip().splitlines()
    if lines:
        fields |= {"(first line)": lines[0][:_LONGEST], "(last line)": lines[-1][:_LONGEST], "(lines)": str(len(lines))}
    return fields


def _json_pairs(text: str) -> Iterator[tuple[str, str]]:
    if text.lstrip()[:1] not in ("{", "["):
        return
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield from _flat("", found, 0)


def _flat(name: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and depth < 8:
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), inner, depth + 1)
    elif isinstance(value, list) and depth < 8:
        for inner in value[:500]:
            yield from _flat(name or "[]", inner, depth + 1)
    elif value is not None:
        yield name or "value", str(value)


def tables_of_units(case: Case) -> Iterator[FieldsOfFiles]:
    """What tables say that are in a file of a single unit each: of every column the first cell, and all cells joined."""
    finder = Finder(case)
    found: dict[tuple[object, ...], dict[tuple[int, int], SeenTable]] = {}
    for table in tables_of(case.seen):
        rows = finder.rows_of(table.file)
        if len(rows) and "*" not in table.file.path:
            kind = (table.file.suffix, len(table.file.parts), table.part, table.columns)
            found.setdefault(kind, {}).setdefault((int(rows[0]), len(rows)), table)
    for tables in found.values():
        group = finder.group([table.file for table in tables.values()])
        if group is None:
            continue
        kept = {file.path for file in group.files}
        cells: dict[str, np.ndarray] = {}
        for place, table in enumerate(table for table in tables.values() if table.file.path in kept):
            for column, value in _columns_of(table):
                cells.setdefault(column, np.full(len(group.files), None, dtype=object))[place] = value
        yield FieldsOfFiles(f"{group.pattern}{f'#{table.part}' if table.part else ''}", group.units, cells)


def _columns_of(table: SeenTable) -> Iterator[tuple[str, str]]:
    cells = table.read(_MOST_OF_A_TABLE)
    for column in cells.columns[:_MOST_FIELDS]:
        texts = [str(cell) for cell in cells[column]]
        if texts:
            yield f"{column} (first)", texts[0][:_LONGEST]
            yield f"{column} (all)", " ".join(texts)[:_LONGEST_JOINED]


def lists_in_texts(case: Case, orders: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Lists in texts that have as many words, or one word that has as many letters, as there are test rows.

    Yields:
        The path of the text, an order of the test rows, positions of shape (rows,), and the words, shape (rows,) object.
    """
    rows = case.truth.rows
    finder = Finder(case)
    files = [file for file in case.seen.files if file.suffix in TEXTS | {""} and file.size <= _MOST_OF_A_TEXT]
    files = [file for file in files if not len(finder.rows_of(file))][:_MOST_TEXTS]
    for file, content in case.seen.contents(files, _MOST_OF_A_TEXT) if rows >= _LEAST_LISTED else ():
        for line in content.decode("utf-8", "replace").splitlines():
            if len(line) < rows:
                continue
            for words in filter(_could_be_answers, _lists_of(line, rows)):
                for way in orders.values():
                    yield file.path, way, np.array(words, dtype=object)


def _could_be_answers(words: Sequence[str]) -> bool:
    """Whether words are numbers, or so few distinct ones that they are not a sentence."""
    return len({*words}) <= len(words) / 2 or sum(word[-1:].isdigit() for word in words) > len(words) / 2


def _lists_of(line: str, rows: int) -> Iterator[list[str]]:
    for inner in [line, *re.findall(r"[\[({]([^\[\](){}]+)[\])}]", line)]:
        for sign in (",", ";", "\t", " "):
            words = [word.strip(" \t\"'") for word in inner.split(sign)]
            if len(words) >= rows and len(trimmed := [word for word in words if word]) in (rows, rows + 1, rows + 2):
                yield trimmed[-rows:]
                yield trimmed[:rows]
    yield from ([*word] for word in line.split() if len(word) == rows)
