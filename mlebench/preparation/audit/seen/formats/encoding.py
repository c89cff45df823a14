"""Which text a content is."""

from __future__ import annotations

import codecs

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_NOT_TEXT = bytes(set(range(32)) - set(b"\t\n\r\f\v\x1b\x1a\x1c\x1d\x1e\x1f"))
_MOST_ODD = 0.3
_SHORTEST_WIDE = 8


def encoding_of(head: bytes) -> str | None:
    """The encoding of text that begins with these bytes; None if they begin none."""
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name
    if not head:
        return None
    if (wide := _wide(head)) is not None:
        return wide
    if len(head.translate(None, _NOT_TEXT)) < len(head):
        return None
    try:
        # a character may be cut at the end
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        odd = sum(byte >= 128 for byte in head[:4096])
        if odd > _MOST_ODD * len(head[:4096]):
            return None
        return "cp1252" if not set(head) & set(b"\x81\x8d\x8f\x90\x9d") else "latin-1"
    return "utf-8"


def _wide(head: bytes) -> str | None:
    # text without a mark: every other byte of letters is zero
    if b"\0" not in head or len(head) < _SHORTEST_WIDE:
        return None
    evens, odds = head[::2], head[1::2]
    if odds.count(0) > 0.8 * len(odds) and evens.count(0) == 0:
        return "utf-16-le"
    return "utf-16-be" if evens.count(0) > 0.8 * len(evens) and odds.count(0) == 0 else None


def decoded(content: bytes, encoding: str) -> str:
    """The text of content that may be cut within a character; undecodable bytes are replaced."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    return decoder.decode(content)
