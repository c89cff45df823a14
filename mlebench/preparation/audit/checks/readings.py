"""What a cell may say besides itself: parts of it, other notations, encodings and digests of a label."""

from __future__ import annotations

import base64
import binascii
import codecs
import functools
import hashlib
import json
import re
import unicodedata
import urllib.parse
import zlib
from collections.abc import Callable, Iterator, Sequence

Reading = Callable[[str], str | None]
"""From a cell to its value in this reading; None if it has none."""

MOST_READ = 400
"""Characters of a cell that are searched for parts and encodings."""

_TRUE, _FALSE = frozenset({"true", "t", "yes", "y", "positive", "pos"}), frozenset({"false", "f", "no", "n", "negative", "neg"})
_WORD = re.compile(r"[^\W_]+(?:[.+-](?=\d)\d+)*")
_SEGMENT = re.compile(r"[^\W\d_]+|\d+")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_DIGEST = re.compile(r"[0-9a-fA-F]{6,128}")
ALGORITHMS: tuple[tuple[str, Callable[[bytes], str]], ...] = (
    ("md5", lambda text: hashlib.md5(text, usedforsecurity=False).hexdigest()),
    ("sha1", lambda text: hashlib.sha1(text, usedforsecurity=False).hexdigest()),
    ("sha256", lambda text: hashlib.sha256(text).hexdigest()),
    ("crc32", lambda text: f"{zlib.crc32(text):08x}"),
)


def plain(cell: str) -> str:
    """Without blanks at the ends."""
    return cell.strip()


@functools.lru_cache(maxsize=2**16)
def normal(text: str) -> str:
    """Letters and digits alone, in lower case and one form; numbers and booleans in their shortest form."""
    text = unicodedata.normalize("NFKC", text).strip().casefold()
    number = shortest_number(text)
    if number is not None:
        return number
    letters = "".join(letter for letter in text if letter.isalnum())
    return "1" if letters in _TRUE else "0" if letters in _FALSE else letters or text


def shortest_number(text: str) -> str | None:
    """`1` for `1.0`, `01` and `+1e0`; None if the text is not a number."""
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def words(text: str) -> str:
    """The words and numbers of a text, in their order and in lower case, a blank between them."""
    return " ".join(normal(word) for word in _WORD.findall(text[: 2**16]))


def sorted_words(text: str) -> str:
    """`words` in alphabetical order."""
    return " ".join(sorted(words(text).split()))


def number_at(place: int) -> Reading:
    """The number at a place among those of a cell, from 0, negative from the end; not that of a cell that is one number."""

    def read(cell: str) -> str | None:
        found = _NUMBER.findall(cell[:MOST_READ])
        return found[place] if _has(found, place) and found[place] != cell.strip() else None

    return read


def inner(cell: str) -> str | None:
    """What is in quotes, in brackets, or behind the last `:` or `=`."""
    text = cell.strip()
    stripped = re.split(r"[:=]", text)[-1].strip(" \t\"'[](){}<>;,")
    return stripped if stripped != text else None


def _part_at(pattern: re.Pattern[str], place: int) -> Reading:
    def read(cell: str) -> str | None:
        found = pattern.findall(cell[:MOST_READ])
        return found[place] if len(found) > 1 and _has(found, place) else None

    return read


def _letter_at(place: int) -> Reading:
    return lambda cell: cell.strip()[place] if len(cell.strip()) > 1 and _has(cell.strip(), place) else None


def _has(parts: Sequence[str], place: int) -> bool:
    return -len(parts) <= place < len(parts)


def parts() -> Iterator[tuple[str, Reading]]:
    """Readings of a part of a cell, with words that name the part."""
    yield "the text after its last separator", inner
    for place in (0, 1, 2, 3, -1, -2, -3):
        where = f"word {place + 1}" if place >= 0 else f"word {-place} from the end"
        yield where, _part_at(_WORD, place)
    for place in (0, 1, 2, -1, -2):
        where = f"run {place + 1} of letters or digits" if place >= 0 else f"run {-place} from the end of letters or digits"
        yield where, _part_at(_SEGMENT, place)
    for place in (0, 1, 2, -3, -2, -1):
        yield f"letter {place + 1}" if place >= 0 else f"letter {-place} from the end", _letter_at(place)


def _from_base64(cell: str) -> str | None:
    text = cell.strip()
    if len(text) < 2 or not re.fullmatch(r"[A-Za-z0-9+/_-]+={0,2}", text):
        return None
    return _decoded(lambda: base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=False))


def _from_base32(cell: str) -> str | None:
    text = cell.strip().upper()
    return _decoded(lambda: base64.b32decode(text)) if len(text) % 8 == 0 and re.fullmatch(r"[A-Z2-7]+=*", text) else None


def _from_hex(cell: str) -> str | None:
    text = cell.strip().removeprefix("0x")
    return _decoded(lambda: bytes.fromhex(text)) if len(text) % 2 == 0 and re.fullmatch(r"[0-9a-fA-F]+", text) else None


def _decoded(decode: Callable[[], bytes]) -> str | None:
    try:
        text = decode().decode("utf-8")
    except (ValueError, binascii.Error):
        return None
    return text if text and text.isprintable() else None


def _as_number_of_base(base: int) -> Reading:
    def read(cell: str) -> str | None:
        try:
            return str(int(cell.strip(), base)) if len(cell) <= 64 and cell.strip() else None
        except ValueError:
            return None

    return read


def _from_json(cell: str) -> str | None:
    text = cell.strip()
    if text[:1] not in ("{", "[", '"'):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    while isinstance(found, list | dict) and len(found) == 1:
        found = next(iter(found.values() if isinstance(found, dict) else found))
    return str(found) if isinstance(found, str | int | float) else None


def _from_code_points(cell: str) -> str | None:
    found = re.findall(r"\d+", cell[:MOST_READ])
    if len(found) < 2 or any(len(number) > 3 or not 32 <= int(number) < 256 for number in found):
        return None
    return "".join(chr(int(number)) for number in found)


ENCODINGS: tuple[tuple[str, Reading], ...] = (
    ("decoded from base64", _from_base64),
    ("decoded from base32", _from_base32),
    ("decoded from hexadecimal", _from_hex),
    ("decoded from rot13", lambda cell: codecs.encode(cell, "rot13")),
    ("read backwards", lambda cell: cell.strip()[::-1]),
    ("percent-decoded", lambda cell: urllib.parse.unquote(cell) if "%" in cell else None),
    ("read as a binary number", _as_number_of_base(2)),
    ("read as a hexadecimal number", _as_number_of_base(16)),
    ("read as JSON", _from_json),
    ("read as code points", _from_code_points),
)


def digests(texts: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """For each algorithm its name and, by digest, the text that it is of; texts are in their usual spellings."""
    for name, digest in ALGORITHMS:
        found: dict[str, str] = {}
        for text in texts:
            for spelling in dict.fromkeys((text, normal(text), text.lower(), f"{text}\n")):
                found.setdefault(digest(spelling.encode("utf-8", "surrogatepass")), text)
        yield name, found


def is_digest(cell: str) -> bool:
    """Whether a cell could be a digest or the beginning of one."""
    return bool(_DIGEST.fullmatch(cell.strip()))
