"""Decodes text files of people's own, whichever editor wrote them."""

from __future__ import annotations

import codecs


def decode(content: bytes) -> str:
    """The text of a file in UTF-8, or in UTF-16 as PowerShell and Notepad write it; a byte order mark is removed.

    Raises:
        UnicodeDecodeError: it is in neither.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    if content[1:2] == b"\0":
        return content.decode("utf-16-le")
    return content.decode("utf-16-be" if content[:1] == b"\0" else "utf-8-sig")
