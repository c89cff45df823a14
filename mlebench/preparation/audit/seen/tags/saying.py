"""What a file says, by name, within bounds."""

from __future__ import annotations

import struct

LONGEST = 1_000
"""Characters of one saying."""
_MOST_ODD = 0.25
MOST = 500
"""Sayings of one file."""


class Sayings(dict[str, str]):
    """Names and what is said under them."""

    def say(self, name: str, value: object) -> None:
        """Add something, cut to its bound; what is empty is not said, and what is said twice gets a number."""
        text = value if isinstance(value, str) else shortest(value)
        # a text that ends with zero bytes ends where they begin
        text = text.rstrip("\0 \r\n\t")[:LONGEST].strip()
        if not text or len(self) >= MOST:
            return
        known, number = name, 1
        while known in self:
            if self[known] == text:
                return
            number += 1
            known = f"{name}.{number}"
        self[known] = text

    def say_bytes(self, name: str, content: bytes) -> None:
        """Add bytes as text."""
        self.say(name, text_of(content[: 4 * LONGEST]))


def shortest(value: object) -> str:
    """A number in its shortest decimal form; anything else as Python shows it."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def text_of(content: bytes) -> str:
    """Bytes as text: UTF-8 or UTF-16 where they are that, else every byte one letter; hexadecimal if they are not text."""
    content = content.rstrip(b"\0")
    if not content:
        return ""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) and len(content) > 2:
        return content.decode("utf-16", "replace")
    if len(content) > 3 and content[1::2].count(0) > 0.8 * len(content[1::2]):
        return (content + b"\0" * (len(content) % 2)).decode("utf-16-le", "replace")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    odd = sum(not (letter.isprintable() or letter in "\t\r\n\0") for letter in text[:LONGEST])
    return content.hex() if odd > _MOST_ODD * len(text[:LONGEST]) else text.replace("\0", " ")


def number(content: bytes, kind: str, place: int = 0) -> int:
    """A whole number at a place; 0 if the content ends before it."""
    form = struct.Struct(kind)
    if place < 0 or place + form.size > len(content):
        return 0
    return int(form.unpack_from(content, place)[0])
