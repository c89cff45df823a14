"""R, Julia, shell and other languages as a stream of tokens, without parsing."""

from __future__ import annotations

import re
from typing import Literal

from mlebench.evidence.review.similarity.token_stream import NAME, VALUE, TokenStream

Family = Literal["hash", "c", "sql"]
"""How remarks are marked: by `#`, by `//` and `/* */`, or by `--`."""

_KEYWORDS = frozenset(
    """
    and as assert async await begin break case catch class const continue def default del do done elif else elseif end esac except
    fi finally for foreach from function global if in is lambda let local macro match module next not or pass quote raise repeat
    return select struct switch then throw try until using var when where while with yield
    """.split()  # noqa: SIM905
)
# an unclosed string or comment extends to the end of the line or text, so that no text is scanned twice
_TOKEN = r"""
    (?P<remark>{remark})
    | (?P<text>'''(?:\\.|.)*?(?:'''|\Z) | \"\"\"(?:\\.|.)*?(?:\"\"\"|\Z) | "(?:[^"\\\n]|\\.)*"? | '(?:[^'\\\n]|\\.)*'?)
    | (?P<number>\d[\w.]*)
    | (?P<word>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
    | (?P<sign><<?-|->>?|%\w{{0,8}}%|[=!<>|&:+*/.-]=|&&|\|\||\|>|::|\*\*|//|[^\s\w])
"""
_REMARKS: dict[Family, str] = {
    "hash": r"\#[^\n]*",
    "c": r"//[^\n]*|/\*(?:.*?\*/|.*)|^\#[^\n]*",
    "sql": r"--[^\n]*|/\*(?:.*?\*/|.*)",
}
_LEXERS = {
    family: re.compile(_TOKEN.format(remark=remark), re.VERBOSE | re.DOTALL | re.MULTILINE) for family, remark in _REMARKS.items()
}
_LOADED = re.compile(r"^[ \t]*(?:library|require|suppressPackageStartupMessages|source|using|import|from)\b.*$", re.MULTILINE)
_SEPARATORS = frozenset(",;")


def plain_stream(text: str, family: Family = "hash", first: int = 1) -> TokenStream:
    """The tokens of a text: names, numbers and strings are normalised; comments and library imports are omitted.

    Args:
        text: the code.
        family: of its language.
        first: the number of its first line.
    """
    stream = TokenStream()
    text = _LOADED.sub("", text) if family == "hash" else text
    line, counted = first, 0
    for found in _LEXERS[family].finditer(text):
        line += text.count("\n", counted, found.start())
        counted = found.start()
        word = found.group()
        match found.lastgroup:
            case "text" | "number":
                stream.add(VALUE, line)
            case "word":
                stream.add(word if word in _KEYWORDS else NAME, line)
            case "sign" if word not in _SEPARATORS:
                stream.add(word, line)
    return stream
