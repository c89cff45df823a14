"""Text of unknown origin made safe to show: on one line, without control characters, of bounded length."""

from __future__ import annotations

_MOST_SHOWN = 80


def printable(text: str, most: int | None = _MOST_SHOWN) -> str:
    r"""The text with everything that is not printable escaped, cut in the middle where it is long.

    Escaped are control characters (`\x1b`, `\n`), characters that change the direction of a line, lone
    surrogates and all else that `str.isprintable` rejects. The result can be encoded in UTF-8 and passing it in again
    changes nothing but its length.

    Args:
        text: any text.
        most: characters kept at most, at least 3; None keeps all.
    """
    if most is not None and len(text) > most:
        head = (most - 1) * 2 // 3
        tail = most - 1 - head
        return f"{_escaped(text[:head])}…{_escaped(text[len(text) - tail :])}"
    return _escaped(text)


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text)
