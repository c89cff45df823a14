"""Predictions written into a program or a file: sequences of values, rows by id, and both packed into a text."""

from __future__ import annotations

import ast
import base64
import binascii
import bz2
import itertools
import json
import lzma
import pickletools
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mlebench.evidence.review.held_out import HeldOut, Row, cells_like_rows, is_telling, plain
from mlebench.evidence.review.python_source import PythonSource, dotted
from mlebench.evidence.review.uses import places_of

FEWEST = 5
"""Values or rows that are worth a look."""
_LARGEST_UNPACKED = 8 * 2**20
_LONGEST_TEXT = 40
"""Characters from which on a constant text may hold packed values."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]{40,}={0,2}\s*")
_HEX = re.compile(r"[0-9a-fA-F\s]{40,}")
_SYMBOLS = re.compile(r"[0-9A-Za-z]{20,}")
_LEAST_BITS = 24
_MOST_CODES = 2_000_000
_BRACKETS = re.compile(r"[\[({](?P<inner>[^\[\](){}=]{2000,})[\])}]")
_SHORT_BRACKETS = re.compile(r"[\[({](?P<inner>[^\[\](){}=]{16,})[\])}]")


@dataclass(frozen=True)
class Written:
    """Values, or rows by id."""

    values: Sequence[str] = ()
    """Plain cells in their order."""
    rows: Mapping[str, Row] = field(default_factory=dict)
    """Plain cells by test id; empty cells if only ids are written."""
    how: str = "a list"
    line: int | None = None
    quote: str = ""
    raw: Sequence[str] = ()
    """The values as written, for ids."""
    names: Sequence[str] = ()
    """Variables that get them; `=` where they go straight into a column, a table or a file."""


def written_in_python(source: PythonSource, known: HeldOut | None) -> Iterator[Written]:
    """The constants in a source."""
    if source.tree is None:
        yield from _in_long_source(source)
    else:
        inside: set[int] = set()
        places = places_of(source)
        for node in source.nodes:
            if id(node) in inside:
                continue
            for found in _of_node(node, source, known):
                inside.update(map(id, ast.walk(node)))
                yield replace(found, names=places.get(id(node), ()))
        if known is not None:
            yield from _in_branches(source, known)
    if known is not None:
        yield from _by_lines(source, known)


def written_in_text(text: str, known: HeldOut) -> Iterator[Written]:
    """The content of a non-program file: JSON, lines of cells, or plain values."""
    if text.lstrip()[:1] in ("{", "[") and (document := _json(text)) is not None:
        yield from _in_document(document, known, "a file")
    rows = cells_like_rows(text, known)
    if len(rows) >= FEWEST:
        yield Written(rows=rows, how="a file", line=_line_of(text, next(iter(rows))), quote=_excerpt(text, next(iter(rows))))
    words = text.split()
    if len(words) >= FEWEST and not rows:
        yield Written([plain(word.strip(",;[]()")) for word in words], how="a file", line=1, quote=text[:300], raw=words)


def _of_node(node: ast.AST, source: PythonSource, known: HeldOut | None) -> Iterator[Written]:
    line, words = source.line_of(node), ""
    made: list[Written] = []
    if isinstance(node, ast.Dict):
        made = [*_of_dict(node, known)]
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        made = [*_of_sequence(node, known)]
    elif isinstance(node, ast.Call) and dotted(node.func) == "dict":
        made = [*_of_keywords(node, known)]
    elif isinstance(node, ast.Constant):
        made = [*_of_constant(node.value, known)]
    if made:
        words = source.words_of(node)
    for found in made:
        yield Written(found.values, found.rows, found.how, line, words, found.raw)


def _of_dict(node: ast.Dict, known: HeldOut | None) -> Iterator[Written]:
    keys = [_cell(key) for key in node.keys]
    if len(keys) >= FEWEST and all(key is not None for key in keys):
        pairs = {str(key): _row(value) for key, value in zip(keys, node.values, strict=True)}
        yield from _of_pairs({key: row for key, row in pairs.items() if row is not None}, known, "a dictionary")
    # columns of a table, each a list
    columns = [value for value in node.values if isinstance(value, ast.List | ast.Tuple) and len(value.elts) >= FEWEST]
    if len(columns) >= 2 and len({len(column.elts) for column in columns}) == 1:
        cells = [[_cell(cell) or "" for cell in column.elts] for column in columns]
        for place, ids in enumerate(cells):
            others = [column for number, column in enumerate(cells) if number != place]
            yield from _of_pairs(
                dict(zip(ids, (tuple(map(plain, row)) for row in zip(*others, strict=True)), strict=True)), known, "columns"
            )


def _of_sequence(node: ast.List | ast.Tuple | ast.Set, known: HeldOut | None) -> Iterator[Written]:
    if len(node.elts) < FEWEST:
        return
    cells = [_cell(element) for element in node.elts]
    if all(cell is not None for cell in cells):
        raw = [str(cell) for cell in cells]
        named = {cell: () for cell in raw if known is not None and cell in known.ids}
        yield Written([plain(cell) for cell in raw], dict.fromkeys(named, ()), "a list", raw=raw)
        return
    rows = [_row(element) for element in node.elts]
    if all(row is not None and len(row) > 1 for row in rows):
        whole = [row for row in rows if row is not None]
        raw_ids = [_first_cell(element) or "" for element in node.elts]
        yield from _of_pairs(dict(zip(raw_ids, (row[1:] for row in whole), strict=True)), known, "a list of rows")
        if len({len(row) for row in whole}) == 1:
            for column in range(len(whole[0])):
                yield Written([row[column] for row in whole], how="a list of rows")
    elif all(isinstance(element, ast.Dict) for element in node.elts):
        records = [_row(element) for element in node.elts]
        ids = [_first_cell(element) or "" for element in node.elts]
        pairs = {name: row[1:] for name, row in zip(ids, records, strict=True) if row is not None and len(row) > 1}
        yield from _of_pairs(pairs, known, "a list of records")


def _in_branches(source: PythonSource, known: HeldOut) -> Iterator[Written]:
    """Rows in branches: `if name == ID: return VALUE`, and cases of a match."""
    rows: dict[str, Row] = {}
    first: ast.AST | None = None
    for node in source.nodes:
        for name, value in _branch(node):
            if name in known.ids and is_telling(name) and (row := _row(value)) is not None:
                rows[name] = row
                first = first or node
    if len(rows) >= FEWEST and first is not None:
        yield Written(rows=rows, how="branches", line=source.line_of(first), quote=source.words_of(first))


def _branch(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """The constant that a branch is for, and what it gives."""
    tests: list[tuple[ast.AST, Sequence[ast.stmt]]] = []
    if isinstance(node, ast.If) and isinstance(node.test, ast.Compare) and isinstance(node.test.ops[0], ast.Eq):
        tests = [(side, node.body) for side in (node.test.left, *node.test.comparators)]
    elif isinstance(node, ast.match_case) and isinstance(node.pattern, ast.MatchValue):
        tests = [(node.pattern.value, node.body)]
    for test, body in tests:
        given = body[0] if body else None
        if (name := _cell(test)) is not None and isinstance(given, ast.Return | ast.Assign) and given.value is not None:
            yield name, given.value


def _of_keywords(node: ast.Call, known: HeldOut | None) -> Iterator[Written]:
    pairs = {word.arg: row for word in node.keywords if word.arg is not None and (row := _row(word.value)) is not None}
    yield from _of_pairs(pairs, known, "a dictionary")


def _of_pairs(pairs: Mapping[str, Row], known: HeldOut | None, how: str) -> Iterator[Written]:
    if known is None:
        return
    rows = {key: row for key, row in pairs.items() if key in known.ids}
    if len(rows) >= FEWEST and len(rows) >= 0.5 * len(pairs):
        yield Written(rows=rows, how=how)
    elif len(pairs) >= FEWEST and all(len(row) == 1 for row in pairs.values()):
        yield Written([row[0] for row in pairs.values()], how=how)


def _of_constant(value: Any, known: HeldOut | None) -> Iterator[Written]:
    if isinstance(value, str) and len(value) >= _LONGEST_TEXT:
        yield from _of_text(value, known)
    elif isinstance(value, bytes) and len(value) >= _LONGEST_TEXT:
        yield from _of_bytes(value, known)
    elif isinstance(value, int) and not isinstance(value, bool) and value.bit_length() >= _LEAST_BITS * 4:
        yield Written(list(bin(value)[2:]), how="the bits of a number")


def _of_text(text: str, known: HeldOut | None) -> Iterator[Written]:
    """Values in a constant text: adjacent symbols, separated cells, or packed content."""
    bare = text.strip()
    if _SYMBOLS.fullmatch(bare) and len(set(bare)) <= 12:
        yield Written([plain(letter) for letter in bare], how="the letters of a text")
        return
    if (unpacked := _unpacked(bare)) is not None:
        yield from _of_bytes(unpacked, known, "packed into a text")
        return
    if (document := _json(bare)) is not None and isinstance(document, dict | list):
        if known is not None:
            yield from _in_document(document, known, "a text of JSON")
        return
    words = [word for word in re.split(r"[\s,;|]+", bare) if word]
    named = [word for word in words if known is not None and word in known.ids and is_telling(word)]
    if len(named) >= FEWEST and len(named) >= 0.9 * len(words):
        yield Written(words, dict.fromkeys(named, ()), "the words of a text", raw=words)
    elif len(words) >= 20 and sum(map(_is_number, words)) >= 0.95 * len(words):
        yield Written([plain(word) for word in words], how="the numbers of a text", raw=words)
    elif len(words) >= 20 and known is not None and known.labels:
        values = [plain(word) for word in words]
        if sum(value in known.labels for value in values) >= 0.95 * len(values):
            yield Written(values, how="the words of a text", raw=words)


def _unpacked(text: str) -> bytes | None:
    """The content of a base64, base85 or hexadecimal text; None if it is none of these."""
    folded = "".join(text.split())
    if _HEX.fullmatch(text) and len(folded) % 2 == 0 and not folded.isdigit():
        return bytes.fromhex(folded)
    if _BASE64.fullmatch(text) and " " not in text.strip():
        try:
            return base64.b64decode(folded.translate(str.maketrans("-_", "+/")) + "=" * (-len(folded) % 4), validate=True)
        except (binascii.Error, ValueError):
            return None
    if " " not in text and text.isascii() and len(set(text)) > 40:
        for decode in (base64.b85decode, base64.a85decode):
            try:
                return decode(folded)
            except ValueError:
                continue
    return None


def _of_bytes(content: bytes, known: HeldOut | None, how: str = "a constant of bytes") -> Iterator[Written]:
    content = _inflated(content)
    if content.startswith(b"\x80"):
        yield from _pickled(content, known, how)
        return
    try:
        text = content.decode("ascii" if b"\0" in content[:100] else "utf-8")
    except UnicodeDecodeError:
        text = ""
    if (text and text.isprintable()) or "\n" in text:
        if known is not None:
            yield from (Written(one.values, one.rows, how, raw=one.raw) for one in written_in_text(text, known))
        bare = text.strip()
        if _SYMBOLS.fullmatch(bare) and len(set(bare)) <= 12:
            yield Written([plain(letter) for letter in bare], how=how)
        elif "," in bare:
            words = [word for word in re.split(r"[\s,;|\[\]]+", bare) if word]
            yield Written([plain(word) for word in words], how=how, raw=words)
        return
    yield from _arrays(content, known, how)


def _pickled(content: bytes, known: HeldOut | None, how: str) -> Iterator[Written]:
    """The numbers and words of a pickle in order, or its rows by id; no object is created from it."""
    values: list[str] = []
    rows: dict[str, Row] = {}
    name = ""
    try:
        for code, argument, _ in itertools.islice(pickletools.genops(content), _MOST_CODES):
            if code.name != "MEMOIZE" and "PUT" not in code.name:
                if name and isinstance(argument, bool | int | float | str):
                    rows[name] = (plain(str(argument)),)
                name = (
                    str(argument) if known is not None and isinstance(argument, str | int) and str(argument) in known.ids else ""
                )
            if isinstance(argument, bytes) and len(argument) >= _LONGEST_TEXT:
                yield from _arrays(argument, known, how)
            elif (
                isinstance(argument, bool | int | float)
                and "PUT" not in code.name
                and "GET" not in code.name
                and "FRAME" not in code.name
            ):
                values.append(plain(str(argument)))
            elif isinstance(argument, str) and known is not None and plain(argument) in known.labels:
                values.append(plain(argument))
            elif code.name in ("NEWTRUE", "NEWFALSE"):
                values.append("1" if code.name == "NEWTRUE" else "0")
    except (ValueError, EOFError, KeyError, IndexError, OverflowError):
        return
    if known is not None and known.ids_tell and len(rows) >= FEWEST:
        yield Written(rows=rows, how=how)
    # the first one is the protocol
    yield Written(values[1:], how=how)


def _arrays(content: bytes, known: HeldOut | None, how: str) -> Iterator[Written]:
    """Bytes as numbers, if there are as many as test rows."""
    import numpy as np

    if known is None or not known.ids:
        return
    wanted = len(known.ids) * max(1, len(known.columns))
    body = content[content.find(b"\n") + 1 :] if content.startswith(b"\x93NUMPY") else content
    for kind in ("u1", "<f8", "<f4", "<f2", "<i4", "<i8"):
        size = np.dtype(kind).itemsize
        if len(body) == wanted * size:
            values = np.frombuffer(body, kind)
            if np.isfinite(values).all():
                yield Written([plain(repr(float(value))) for value in values], how=how)
    if len(body) == (len(known.ids) + 7) // 8 and len(body) > 3:
        bits = np.unpackbits(np.frombuffer(body, "u1"))[: len(known.ids)]
        yield Written([str(int(bit)) for bit in bits], how=how)


def _inflated(content: bytes) -> bytes:
    """The unpacked bytes, through a reasonable number of layers."""
    for _ in range(3):
        unpacked = next(filter(None, (_inflate(content, way) for way in ("zlib", "gzip", "raw", "bz2", "lzma"))), None)
        if unpacked is None:
            break
        content = unpacked
    return content


def _inflate(content: bytes, way: str) -> bytes | None:
    beginnings = {"gzip": b"\x1f\x8b", "bz2": b"BZh", "lzma": b"\xfd7zXZ", "zlib": b"\x78"}
    if way == "raw" or not content.startswith(beginnings[way]):
        return None
    try:
        if way in ("zlib", "gzip"):
            return zlib.decompressobj(31 if way == "gzip" else 15).decompress(content, _LARGEST_UNPACKED)
        return (bz2.BZ2Decompressor() if way == "bz2" else lzma.LZMADecompressor()).decompress(content, _LARGEST_UNPACKED)
    except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
        return None


def _in_document(document: Any, known: HeldOut, how: str) -> Iterator[Written]:
    """Values and rows of a JSON document, down to two levels."""
    waiting: list[tuple[Any, int]] = [(document, 0)]
    while waiting:
        value, depth = waiting.pop()
        inner: Iterable[Any] = ()
        if isinstance(value, dict):
            rows = {key: row for key, cell in value.items() if key in known.ids and (row := _plain_row(cell)) is not None}
            if len(rows) >= FEWEST:
                yield Written(rows=rows, how=how, line=1, quote=_json_head(value))
            inner = value.values()
        elif isinstance(value, list) and len(value) >= FEWEST:
            yield from _in_list(value, known, how)
            inner = value if len(value) <= 50 else ()
        if depth < 3:
            waiting += [(entry, depth + 1) for entry in inner if isinstance(entry, dict | list)]


def _in_list(value: list[Any], known: HeldOut, how: str) -> Iterator[Written]:
    if all(isinstance(entry, str | int | float) for entry in value):
        raw = [str(entry) for entry in value]
        yield Written([plain(cell) for cell in raw], {cell: () for cell in raw if cell in known.ids}, how, 1, raw[0], raw)
        return
    rows: dict[str, Row] = {}
    for entry in value:
        cells = list(entry.values()) if isinstance(entry, dict) else entry
        if isinstance(cells, list) and len(cells) > 1 and str(cells[0]) in known.ids:
            row = _plain_row(cells[1:])
            if row is not None:
                rows[str(cells[0])] = row
    if len(rows) >= FEWEST:
        yield Written(rows=rows, how=how, line=1, quote=_json_head(value[0]))


def _plain_row(cell: Any) -> Row | None:
    if isinstance(cell, str | int | float):
        return (plain(str(cell)),)
    if isinstance(cell, list | dict):
        cells = list(cell.values()) if isinstance(cell, dict) else cell
        if cells and all(isinstance(entry, str | int | float) for entry in cells):
            return tuple(plain(str(entry)) for entry in cells)
    return None


def _by_lines(source: PythonSource, known: HeldOut) -> Iterator[Written]:
    """Rows in comments and multi-line strings anywhere."""
    rows = cells_like_rows(source.text, known) if known.ids_tell or len(source.text) > 10_000 else {}
    if len(rows) >= FEWEST:
        first = next(iter(rows))
        line = source.line_at(_line_of(source.text, first))
        yield Written(rows=rows, how="lines of text", line=line, quote=_excerpt(source.text, first))


def written_in_brackets(text: str, known: HeldOut) -> Iterator[Written]:
    """Sequences and rows in a program of a language that is not parsed."""
    rows = cells_like_rows(text, known) if known.ids_tell else {}
    if len(rows) >= FEWEST:
        first = next(iter(rows))
        yield Written(rows=rows, how="lines of text", line=_line_of(text, first), quote=_excerpt(text, first))
    yield from _bracketed(text, _SHORT_BRACKETS)


def _in_long_source(source: PythonSource) -> Iterator[Written]:
    """Long sequences in a source that is too long to be parsed."""
    yield from (replace(found, line=source.line_at(found.line)) for found in _bracketed(source.text, _BRACKETS))


def _bracketed(text: str, brackets: re.Pattern[str]) -> Iterator[Written]:
    line, place = 1, 0
    for found in brackets.finditer(text):
        line, place = line + text.count("\n", place, found.start()), found.start()
        raw = [word for part in found["inner"].split(",") if (word := part.strip().strip("'\""))]
        if len(raw) >= FEWEST:
            yield Written([plain(word) for word in raw], how="a sequence", line=line, quote=found[0][:300], raw=raw)


def _cell(node: ast.AST | None) -> str | None:
    """A constant as a cell has it."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return f"-{node.operand.value!r}"
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float):
        return str(node.value) if not isinstance(node.value, int) or abs(node.value) < 2**70 else None
    return None


def _row(node: ast.AST) -> Row | None:
    """The plain cells of a constant, or of a sequence or a record of constants."""
    if isinstance(node, ast.List | ast.Tuple):
        cells = [_cell(element) for element in node.elts]
    elif isinstance(node, ast.Dict):
        cells = [_cell(value) for value in node.values]
    else:
        cells = [_cell(node)]
    return tuple(plain(cell) for cell in cells if cell is not None) if cells and None not in cells else None


def _first_cell(node: ast.AST) -> str | None:
    if isinstance(node, ast.List | ast.Tuple) and node.elts:
        return _cell(node.elts[0])
    return _cell(node.values[0]) if isinstance(node, ast.Dict) and node.values else None


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _line_of(text: str, word: str) -> int:
    return text.count("\n", 0, max(0, text.find(word))) + 1


def _excerpt(text: str, word: str) -> str:
    start = max(0, text.find(word))
    return text[text.rfind("\n", 0, start) + 1 : start + 300]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _json_head(value: Any) -> str:
    try:
        return json.dumps(value)[:300]
    except (ValueError, RecursionError):
        return ""
