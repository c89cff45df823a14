"""Pieces of generated Python and YAML: whatever comes from raw data or pages is quoted, never code."""

from __future__ import annotations

import keyword
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from grading.printable import printable
from mlebench.scaffold.draft.proposal import Draft

_WIDTH = 118


def quoted(text: str) -> str:
    """The Python literal of a text, in double quotes where that needs no escapes."""
    literal = repr(text)
    return f'"{literal[1:-1]}"' if literal[0] == "'" and '"' not in literal else literal


def quoted_list(texts: Sequence[str]) -> str:
    """The Python literal of a list of texts."""
    return f"[{', '.join(map(quoted, texts))}]"


def assigned(pairs: Iterable[tuple[str, str]]) -> str:
    """The arguments of `DataFrame.assign` for columns and the expressions of their values."""
    pairs = list(pairs)
    if all(_is_argument(name) for name, _ in pairs):
        return ", ".join(f"{name}={value}" for name, value in pairs)
    return f"**{{{', '.join(f'{quoted(name)}: {value}' for name, value in pairs)}}}"


def remarks(draft: Draft, what: str, indent: str = "") -> Iterator[str]:
    """Comment lines that say why something was guessed."""
    for guess in draft.guesses:
        if guess.what == what:
            text = f"guessed: {printable(guess.why, 600)}"
            lines = textwrap.wrap(text, _WIDTH - len(indent), break_long_words=False)
            yield from (f"{indent}# {line}" for line in lines)


def constant(name: str, texts: Sequence[str]) -> Iterator[str]:
    """The lines that define a tuple of texts."""
    yield f"{name} = ("
    line = "   "
    for text in texts:
        if len(line) + len(quoted(text)) + 2 > _WIDTH and line.strip():
            yield line
            line = "   "
        line += f" {quoted(text)},"
    yield line
    yield ")  # fmt: skip"


def in_yaml(value: Any) -> str:
    """A value in YAML, on one line."""
    import yaml

    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False)
    return str(text).removesuffix("...\n").strip()


def _is_argument(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name) and name.isascii() and name != "self"
