"""Makes untrusted text safe to show: one line, no control characters, bounded length."""

from __future__ import annotations

_MOST_SHOWN = 80


def printable(text: str, most: int | None = _MOST_SHOWN) -> str:
    r"""The text with everything unprintable escaped, shortened in the middle if it is long.

    Escapes control characters (`\x1b`, `\n`), characters that change the text direction, lone
    surrogates and everything else that `str.isprintable` rejects. The result can be encoded in UTF-8, and escaping it again
    changes at most its length.

    Args:
        text: any text.
        most: maximum characters kept, at least 3; None keeps all.
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
