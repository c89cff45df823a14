"""Content packed in cells: fields of JSON and markup, encoded or not, comments, bracketed ends, and data after a frame."""

from __future__ import annotations

import base64
import binascii
import re
import urllib.parse
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from mlebench.preparation.audit.checks.fields import fields_of

_PROBED = 40
_LEAST_OF_PROBED = 0.2
"""Share of the cells looked at first that must hold something; a leak may mark some classes alone."""
_MOST_READ = 2**16
_MOST_UNPACKED = 2**20
_MOST_FIELDS = 40
_DEEPEST = 3
_LONGEST = 2_000
_TAIL = 400
_SHORTEST_ENCODED = 8
_SHORTEST_FRAME, _LONGEST_FRAME = 2, 12
_FRAMED = 0.98
_MOST_FRAMES = 3

_OF_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_OF_BASE32 = re.compile(r"[A-Z2-7]+=*")
_OF_HEX = re.compile(r"(0x)?([0-9a-fA-F]{2})+")
_COMMENT = re.compile(r"<!--(.*?)-->|/\*(.*?)\*/", re.DOTALL)
_BRACKETED = re.compile(r"[\[({<]([^\[\](){}<>]*)[\])}>]\W*$")
_A_NUMBER = re.compile(r"\s*[-+]?\d*\.?\d*(e[-+]?\d+)?\s*", re.IGNORECASE)
"""A longer run of digits could be hexadecimal, and is asked for digits all the same."""
_QUERY = re.compile(r"[\w.-]+=[^=&;]*([&;][\w.-]+=[^=&;]*)+")


def packed_in(cells: np.ndarray) -> Mapping[str, np.ndarray]:
    """What stands within cells, by the words that say where, each of the shape of the cells, object, None if there is nothing.

    Args:
        cells: shape (rows,), text.
    """
    some = [text for text in dict.fromkeys(str(cell) for cell in cells[: 20 * _PROBED]) if text.strip()][:_PROBED]
    if not some or max(map(len, some)) < _SHORTEST_ENCODED or all(map(_A_NUMBER.fullmatch, some)):
        return {}
    within: dict[str, np.ndarray] = {}
    for how, read in _ways(some):
        found = [read(text) for text in some]
        if sum(bool(fields) for fields in found) < max(1, _LEAST_OF_PROBED * len(some)):
            continue
        for row, cell in enumerate(cells):
            for name, value in read(str(cell)).items():
                where = f"{how}{name}"
                if where not in within and len(within) < _MOST_FIELDS:
                    within[where] = np.full(len(cells), None, dtype=object)
                if where in within:
                    within[where][row] = value[:_LONGEST]
    return {where: column for where, column in within.items() if len({*column}) > 1}


_Reader = Callable[[str], Mapping[str, str]]


def _ways(some: Sequence[str]) -> Iterator[tuple[str, _Reader]]:
    yield "", _fields
    yield "", _marked
    for frame in _frames(some):
        yield "", _behind(frame, some)


def _fields(cell: str, depth: int = 0) -> Mapping[str, str]:
    """The fields of a cell that is JSON, markup or a query, or an encoding of such, or of any text."""
    text = cell.strip()[:_MOST_READ]
    if text[:1] in ("{", "[", "<") or _QUERY.fullmatch(text):
        parts = "\n".join(re.split(r"[&;]", text)) if text[:1] not in ("{", "[", "<") else text
        return {
            f".{name}": value for name, value in fields_of(parts).items() if not name.startswith(("(li", "(la", "(first line"))
        }
    if depth < _DEEPEST and (decoded := _decoded(text)) is not None:
        return _fields(decoded, depth + 1) or {" (decoded)": decoded}
    return {}


def _decoded(text: str) -> str | None:
    """What a text is an encoding of, packed or not; None if it is none."""
    if "%" in text:
        unquoted = urllib.parse.unquote(text)
        return unquoted if unquoted != text and unquoted.isprintable() else None
    if len(text) < _SHORTEST_ENCODED:
        return None
    for pattern, decode in _ENCODINGS:
        if pattern.fullmatch(text) and (found := _text_of(decode, text)) is not None:
            return found
    return None


def _text_of(decode: Callable[[str], bytes], text: str) -> str | None:
    try:
        content = decode(text)
        if content[:2] == b"\x1f\x8b" or content[:1] == b"\x78":
            content = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(content, _MOST_UNPACKED)
        found = content.decode("utf-8").strip()
    except (ValueError, binascii.Error, zlib.error):
        return None
    return found if found and all(letter.isprintable() or letter in "\r\n\t" for letter in found) else None


_ENCODINGS: tuple[tuple[re.Pattern[str], Callable[[str], bytes]], ...] = (
    (_OF_HEX, lambda text: bytes.fromhex(text.removeprefix("0x"))),
    (_OF_BASE64, lambda text: base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_"
                                               if {"-", "_"} & {*text} else None)),
    (_OF_BASE32, lambda text: base64.b32decode(text + "=" * (-len(text) % 8))),
)  # fmt: skip


def _marked(cell: str) -> Mapping[str, str]:
    """Comments, what is in brackets at the end, and the first and the last line of several."""
    text = cell[:_MOST_READ]
    found: dict[str, str] = {}
    if "<!--" in text or "/*" in text:
        comments = [(one or other).strip() for one, other in _COMMENT.findall(text)]
        found |= {" (first comment)": comments[0], " (last comment)": comments[-1]} if comments else {}
    if (ending := _BRACKETED.search(text[-_TAIL:])) is not None and len(ending.group()) < len(text.strip()):
        found[" (brackets at the end)"] = ending.group(1).strip()
    lines = text.strip().splitlines()
    if len(lines) > 1:
        found |= {" (first line)": lines[0].strip(), " (last line)": lines[-1].strip()}
    return found


def _frames(some: Sequence[str]) -> Sequence[str]:
    """Runs of signs and letters, with a sign, that nearly all cells have near their ends, the longest ones."""
    tails = [text.rstrip()[-_TAIL:] for text in some]
    shortest = min(tails, key=len)
    if len({*tails}) < len(tails) / 2 or not shortest:
        return ()
    found: list[str] = []
    for length in range(_LONGEST_FRAME, _SHORTEST_FRAME - 1, -1):
        for start in range(len(shortest) - length + 1):
            frame = shortest[start : start + length]
            if len(found) == _MOST_FRAMES:
                return found
            if frame.strip().isalnum() or not frame.strip() or any(frame in longer for longer in found):
                continue
            if sum(frame in tail for tail in tails) >= _FRAMED * len(tails):
                found.append(frame)
    return found


def _behind(frame: str, some: Sequence[str]) -> _Reader:
    ends = [text.rstrip().rpartition(frame)[2] for text in some if frame in text]
    same = _common_end(ends)

    def read(cell: str) -> Mapping[str, str]:
        _, found, rest = cell.rstrip()[-_MOST_READ:].rpartition(frame)
        rest = rest.removesuffix(same) if same else rest
        return {f" (behind {frame})": rest.strip()} if found and rest.strip() else {}

    return read


def _common_end(texts: Sequence[str]) -> str:
    shortest = min(texts, key=len, default="")
    for start in range(len(shortest)):
        if all(text.endswith(shortest[start:]) for text in texts):
            return shortest[start:] if not shortest[start:][:1].isalnum() else ""
    return ""
