"""DICOM: all elements but pixels, private ones and those within sequences included, and what follows the pixels.

Read here and not by pydicom, which takes milliseconds per file and ignores data after the pixels; pydicom only supplies the
names.
"""

from __future__ import annotations

import functools
import struct
from typing import NamedTuple

from mlebench.preparation.audit.seen.tags.saying import LONGEST, Sayings, number, shortest, text_of
from mlebench.preparation.audit.seen.window import AnyWindow

_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_NUMBERS = {b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"FL": "f", b"FD": "d", b"UV": "Q", b"SV": "q", b"AT": "H"}
_UNKNOWN = 0xFFFFFFFF
_PIXELS, _ITEM, _END_OF_ITEM, _END_OF_SEQUENCE, _PADDING = 0x7FE00010, 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD, 0xFFFCFFFC
_IMPLICIT, _BIG, _DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
_SYNTAX = 0x00020010
_MOST_ELEMENTS = 5_000
_MOST_FRAGMENTS = 100_000
_DEEPEST = 4
_SHAPE = {0x00280010: "image.height", 0x00280011: "image.width", 0x00280101: "image.bits"}
_NAMES = {
    0x00080018: "SOPInstanceUID", 0x00080020: "StudyDate", 0x00080060: "Modality", 0x00080070: "Manufacturer",
    0x00081030: "StudyDescription", 0x0008103E: "SeriesDescription", 0x00100010: "PatientName", 0x00100020: "PatientID",
    0x00100040: "PatientSex", 0x00101010: "PatientAge", 0x00104000: "PatientComments", 0x0020000D: "StudyInstanceUID",
    0x0020000E: "SeriesInstanceUID", 0x00200013: "InstanceNumber", 0x00204000: "ImageComments",
}  # fmt: skip
"""Names for where pydicom is not installed."""


class _Element(NamedTuple):
    tag: int
    kind: bytes
    place: int
    size: int


class _Reader:
    """Elements of a file from some place on."""

    def __init__(self, window: AnyWindow, order: str, implicit: bool) -> None:
        self.window = window
        self.order = order
        self.implicit = implicit
        self._held = b""
        self._from = 0

    def _at(self, place: int, count: int) -> bytes:
        if not self._from <= place <= place + count <= self._from + len(self._held):
            self._from, self._held = place, self.window.at(place, 2**14)
        return self._held[place - self._from : place - self._from + count]

    def element(self, place: int) -> _Element | None:
        """The element at a place; None at the end."""
        head = self._at(place, 12)
        if len(head) < 8:
            return None
        group, part = struct.unpack_from(f"{self.order}HH", head)
        tag = group << 16 | part
        if self.implicit or group == 0xFFFE:
            return _Element(tag, b"", place + 8, number(head, f"{self.order}I", 4))
        kind = head[4:6]
        if kind in _LONG:
            return _Element(tag, kind, place + 12, number(head, f"{self.order}I", 8)) if len(head) == 12 else None
        return _Element(tag, kind, place + 8, number(head, f"{self.order}H", 6))

    def value(self, element: _Element) -> bytes:
        """The first bytes of its value."""
        return self._at(element.place, min(element.size, 4 * LONGEST))


def read_dicom(window: AnyWindow, said: Sayings) -> None:
    """All elements but pixels."""
    place = 132 if window.at(128, 4) == b"DICM" else 0
    meta = _Reader(window, "<", False)
    syntax = ""
    while place and (element := meta.element(place)) is not None and element.tag >> 16 == 2:
        value = meta.value(element)
        _say(element.tag, element.kind, value, "<", said, "dicom.")
        if element.tag == _SYNTAX:
            syntax = value.rstrip(b"\0 ").decode("ascii", "replace")
        place = element.place + element.size
    if place:
        said.say_bytes("dicom.preamble", window.at(0, 128).strip(b"\0"))
    if syntax == _DEFLATED:
        return
    implicit = syntax == _IMPLICIT or (not syntax and not window.at(place + 4, 2).isalpha())
    reader = _Reader(window, ">" if syntax == _BIG else "<", implicit)
    end = _read(reader, place, window.size, said, "dicom.", 0)
    if end < window.size:
        said.say_bytes("trailing", window.at(end, 4 * LONGEST).strip(b"\0"))


def _read(reader: _Reader, place: int, end: int, said: Sayings, prefix: str, depth: int) -> int:
    """Say the elements from a place on; where they end."""
    for _ in range(_MOST_ELEMENTS):
        element = reader.element(place) if place < end else None
        if element is None or element.tag in (_END_OF_ITEM, _END_OF_SEQUENCE):
            return place if element is None else element.place
        if element.size == _UNKNOWN:
            place = _within(reader, element, end, said, prefix, depth)
            continue
        if element.place + element.size > end:
            # a truncated file, or bytes that are not an element
            if element.tag != _PIXELS and depth == 0:
                return place
            return end
        if element.kind == b"SQ" or (not element.kind and _is_sequence(element.tag) and element.size):
            _items(reader, element.place, element.place + element.size, said, _prefix(prefix, element.tag), depth + 1)
        elif element.tag not in (_PIXELS, _PADDING):
            _say(element.tag, element.kind, reader.value(element), reader.order, said, prefix)
        elif element.tag == _PADDING:
            said.say_bytes("dicom.padding", reader.value(element).strip(b"\0"))
        place = element.place + element.size
    return end


def _within(reader: _Reader, element: _Element, end: int, said: Sayings, prefix: str, depth: int) -> int:
    if element.tag != _PIXELS:
        return _items(reader, element.place, end, said, _prefix(prefix, element.tag), depth + 1)
    place = element.place
    for _ in range(_MOST_FRAGMENTS):
        fragment = reader.element(place)
        if fragment is None or fragment.size == _UNKNOWN:
            return end
        place = fragment.place + fragment.size
        if fragment.tag == _END_OF_SEQUENCE:
            return place
        if fragment.tag != _ITEM:
            return end
    return end


def _items(reader: _Reader, place: int, end: int, said: Sayings, prefix: str, depth: int) -> int:
    """Say what the items of a sequence hold; where it ends."""
    for _ in range(_MOST_ELEMENTS):
        item = reader.element(place) if place < end else None
        if item is None or item.tag == _END_OF_SEQUENCE:
            return place if item is None else item.place
        if item.tag != _ITEM or depth > _DEEPEST:
            return end
        if item.size == _UNKNOWN:
            place = _read(reader, item.place, end, said, prefix, depth)
        else:
            _read(reader, item.place, min(item.place + item.size, end), said, prefix, depth)
            place = item.place + item.size
    return end


def _prefix(prefix: str, tag: int) -> str:
    return f"{prefix}{name_of(tag)}."


def _say(tag: int, kind: bytes, value: bytes, order: str, said: Sayings, prefix: str) -> None:
    form = _NUMBERS.get(kind or _kind_of(tag))
    if form is not None and value:
        count = min(len(value) // struct.calcsize(form), 200)
        found = struct.unpack_from(f"{order}{count}{form}", value)
        text = " ".join(map(shortest, found))
        if tag in _SHAPE and prefix == "dicom.":
            said.say(_SHAPE[tag], text)
        said.say(f"{prefix}{name_of(tag)}", text)
    else:
        said.say(f"{prefix}{name_of(tag)}", text_of(value.rstrip(b" \0")))


@functools.cache
def name_of(tag: int) -> str:
    """The keyword of a tag, else its number such as `00111001`."""
    try:
        from pydicom.datadict import keyword_for_tag
    except ModuleNotFoundError:
        return _NAMES.get(tag, f"{tag:08X}")
    return keyword_for_tag(tag) or f"{tag:08X}"


@functools.cache
def _kind_of(tag: int) -> bytes:
    if tag in _SHAPE:
        return b"US"
    try:
        from pydicom.datadict import dictionary_VR
    except ModuleNotFoundError:
        return b""
    try:
        return dictionary_VR(tag).split(" ")[0].encode()
    except KeyError:
        return b""


def _is_sequence(tag: int) -> bool:
    return _kind_of(tag) == b"SQ"
