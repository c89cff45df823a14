"""TIFF and BigTIFF: all tags of all pictures; EXIF, which has the same form."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from mlebench.preparation.audit.seen.tags.saying import LONGEST, Sayings, shortest, text_of
from mlebench.preparation.audit.seen.window import AnyWindow

# fmt: off
NAMES = {
    0x010D: "DocumentName", 0x010E: "ImageDescription", 0x010F: "Make", 0x0110: "Model", 0x0112: "Orientation",
    0x011D: "PageName", 0x0131: "Software", 0x0132: "DateTime", 0x013B: "Artist", 0x013C: "HostComputer", 0x02BC: "XMP",
    0x4746: "Rating", 0x8298: "Copyright", 0x829A: "ExposureTime", 0x829D: "FNumber", 0x83BB: "IPTC",
    0x8827: "ISOSpeedRatings", 0x9000: "ExifVersion", 0x9003: "DateTimeOriginal", 0x9004: "DateTimeDigitized",
    0x920A: "FocalLength", 0x927C: "MakerNote", 0x9286: "UserComment", 0x9290: "SubsecTime", 0x9C9B: "XPTitle",
    0x9C9C: "XPComment", 0x9C9D: "XPAuthor", 0x9C9E: "XPKeywords", 0x9C9F: "XPSubject", 0xA002: "ExifImageWidth",
    0xA003: "ExifImageHeight", 0xA420: "ImageUniqueID", 0xA430: "CameraOwnerName", 0xA431: "BodySerialNumber",
    0xA433: "LensMake", 0xA434: "LensModel", 0xA435: "LensSerialNumber",
}
_GPS_NAMES = {
    1: "LatitudeRef", 2: "Latitude", 3: "LongitudeRef", 4: "Longitude", 5: "AltitudeRef", 6: "Altitude", 7: "TimeStamp",
    18: "MapDatum", 29: "DateStamp",
}
_FORMS = {
    1: "B", 2: "s", 3: "H", 4: "I", 5: "II", 6: "b", 7: "s", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d", 13: "I", 16: "Q",
    17: "q", 18: "Q",
}
# fmt: on
_EXIF, _GPS, _INTEROP, _PICTURES = 0x8769, 0x8825, 0xA005, 0x014A
_WIDE_TEXTS = range(0x9C9B, 0x9CA0)
_USER_COMMENT = 0x9286
_PLACES, _SIZES = (0x0111, 0x0144), (0x0117, 0x0145)
"""Where the pixels of strips and tiles lie, and how many bytes they have."""
_LAYOUT = {0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x0115, 0x0116, 0x011C, 0x0142, 0x0143, 0x0153, 0x013D, *_PLACES, *_SIZES}
_MOST_TAGS = 1_000
_MOST_PICTURES = 200
_MOST_VALUES = 200
_MOST_PLACES = 2_000_000


class Entry(NamedTuple):
    """One tag."""

    tag: int
    kind: int
    number: int
    """How many values it has."""
    place: int
    """Where they lie."""
    size: int


class _Reader:
    """A file of tags."""

    def __init__(self, window: AnyWindow) -> None:
        head = window.at(0, 16)
        self.window = window
        self.order = "<" if head[:2] == b"II" else ">"
        version = struct.unpack(self.order + "H", head[2:4])[0] if len(head) >= 4 else 0
        self.big = version == 43
        self.first = self._whole(8, 8) if self.big else self._whole(4, 4)
        self.end = 16 if self.big else 8

    def _whole(self, place: int, size: int) -> int:
        return int.from_bytes(self.window.at(place, size), "little" if self.order == "<" else "big")

    def entries(self, place: int) -> tuple[list[Entry], int]:
        """The tags of a directory, and where the next directory begins; 0 if there is none."""
        counted, each, wide = (8, 20, 8) if self.big else (2, 12, 4)
        count = min(self._whole(place, counted), _MOST_TAGS)
        raw = self.window.at(place + counted, count * each)
        count = min(count, len(raw) // each)
        self.end = max(self.end, place + counted + count * each + wide)
        found = []
        for at in range(count):
            tag, kind = struct.unpack_from(self.order + "HH", raw, at * each)
            number = struct.unpack_from(self.order + ("Q" if self.big else "I"), raw, at * each + 4)[0]
            size = struct.calcsize(f"{self.order}{_FORMS.get(kind, 'B')}") * number
            value = place + counted + at * each + each - wide
            if size > wide:
                value = self._whole(value, wide)
                self.end = max(self.end, value + size) if value + size <= self.window.size else self.end
            found.append(Entry(tag, kind, number, value, size))
        return found, self._whole(place + counted + count * each, wide)

    def raw(self, entry: Entry, most: int) -> bytes:
        """The bytes of a value."""
        return self.window.at(entry.place, min(entry.size, most))

    def numbers(self, entry: Entry, most: int = _MOST_VALUES) -> list[float | int]:
        """The numbers of a value; fractions as quotients."""
        form = _FORMS.get(entry.kind, "B")
        if form == "s":
            return []
        count = min(entry.number, most) * len(form)
        raw = self.raw(entry, count * struct.calcsize(self.order + form[0]))
        count = len(raw) // struct.calcsize(self.order + form[0])
        found = struct.unpack(f"{self.order}{count}{form[0]}", raw[: count * struct.calcsize(self.order + form[0])])
        if len(form) == 1:
            return list(found)
        return [top / bottom if bottom else 0.0 for top, bottom in zip(found[::2], found[1::2], strict=False)]


def read_tiff(window: AnyWindow, said: Sayings) -> None:
    """All tags of a TIFF's pictures, and what follows its end."""
    reader = _Reader(window)
    for number, (entries, place) in enumerate(_directories(reader)):
        if number == 0:
            _say_layout(reader, entries, said)
        prefix = "tiff." if number == 0 else f"tiff{number + 1}."
        _say_entries(reader, entries, said, prefix, _LAYOUT)
        _end_of_pixels(reader, entries)
        del place
    if 0 < reader.end < window.size:
        said.say_bytes("trailing", window.at(reader.end + reader.end % 2, 4 * LONGEST).strip(b"\0"))


def read_exif(window: AnyWindow, said: Sayings) -> None:
    """All tags of EXIF data, thumbnails included."""
    reader = _Reader(window)
    for number, (entries, _) in enumerate(_directories(reader)):
        _say_entries(reader, entries, said, "exif." if number == 0 else f"exif{number + 1}.", _LAYOUT if number else set())


def _directories(reader: _Reader) -> Iterator[tuple[list[Entry], int]]:
    place, known = reader.first, set[int]()
    while place and place not in known and len(known) < _MOST_PICTURES:
        known.add(place)
        entries, following = reader.entries(place)
        if not entries:
            return
        yield entries, place
        place = following


def _say_layout(reader: _Reader, entries: list[Entry], said: Sayings) -> None:
    values = {entry.tag: reader.numbers(entry, 8) for entry in entries if entry.tag in (0x0100, 0x0101, 0x0102, 0x0115, 0x0106)}
    for tag, name in ((0x0100, "width"), (0x0101, "height")):
        if values.get(tag):
            said.say(f"image.{name}", values[tag][0])
    bands = int(values.get(0x0115, [1])[0]) if values.get(0x0115, [1]) else 1
    depth = int((values.get(0x0102) or [1])[0])
    said.say("image.mode", f"{bands}x{depth}")


def _say_entries(reader: _Reader, entries: list[Entry], said: Sayings, prefix: str, left_out: set[int]) -> None:
    for entry in entries:
        if entry.tag in (_EXIF, _GPS, _INTEROP):
            inner, _ = reader.entries(int((reader.numbers(entry, 1) or [0])[0])) if prefix.count(".") < 3 else ([], 0)
            name = {_EXIF: "exif.", _GPS: "exif.GPS", _INTEROP: "exif.Interop."}[entry.tag]
            _say_inner(reader, inner, said, name)
        elif entry.tag == _PICTURES:
            for place in reader.numbers(entry, 16):
                inner, _ = reader.entries(int(place))
                _end_of_pixels(reader, inner)
        elif entry.tag not in left_out:
            _say_entry(reader, entry, said, prefix)


def _say_inner(reader: _Reader, entries: list[Entry], said: Sayings, prefix: str) -> None:
    for entry in entries:
        if entry.tag not in (_EXIF, _GPS, _INTEROP):
            _say_entry(reader, entry, said, prefix)


def _say_entry(reader: _Reader, entry: Entry, said: Sayings, prefix: str) -> None:
    if prefix == "exif.GPS":
        name = f"{prefix}{_GPS_NAMES.get(entry.tag, entry.tag)}"
    elif prefix.startswith("tiff"):
        name = f"{prefix}{entry.tag}"
    else:
        name = f"{prefix}{NAMES.get(entry.tag, entry.tag)}"
    raw = reader.raw(entry, 4 * LONGEST)
    if entry.tag in _WIDE_TEXTS:
        said.say(name, raw.decode("utf-16-le", "replace"))
    elif entry.tag == _USER_COMMENT and raw[:8] in (b"ASCII\0\0\0", b"UNICODE\0", b"JIS\0\0\0\0\0", b"\0" * 8):
        said.say_bytes(name, raw[8:])
    elif entry.kind in (2, 7) or (entry.kind in (1, 6) and entry.number > 4):
        said.say(name, text_of(raw))
    else:
        said.say(name, " ".join(map(shortest, reader.numbers(entry))))


def _end_of_pixels(reader: _Reader, entries: list[Entry]) -> None:
    """Move the end behind the last pixels."""
    import numpy as np

    by_tag = {entry.tag: entry for entry in entries}
    for place, size in zip(_PLACES, _SIZES, strict=True):
        if place in by_tag and size in by_tag:
            arrays = []
            for entry in (by_tag[place], by_tag[size]):
                kind = f"{reader.order}{_FORMS.get(entry.kind, 'B')[0]}"
                if kind[1] not in "BHIQ":
                    return
                width = struct.calcsize(kind)
                raw = reader.raw(entry, width * _MOST_PLACES)
                arrays.append(np.frombuffer(raw[: len(raw) // width * width], f"{reader.order}u{width}").astype(np.int64))
            count = min(map(len, arrays))
            if count:
                reader.end = max(reader.end, min(int((arrays[0][:count] + arrays[1][:count]).max()), reader.window.size))
    # the picture itself as JPEG, in old files and thumbnails
    if {0x0201, 0x0202} <= by_tag.keys():
        place_of, size_of = (int((reader.numbers(by_tag[tag], 1) or [0])[0]) for tag in (0x0201, 0x0202))
        reader.end = max(reader.end, min(place_of + size_of, reader.window.size))
