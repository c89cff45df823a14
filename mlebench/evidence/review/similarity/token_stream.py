"""The token streams by which code is compared; names, numbers and strings are one kind each."""

from __future__ import annotations

from dataclasses import dataclass, field

NAME, VALUE = "name", "value"
"""Kinds of what a copyist changes freely: names; numbers and strings."""


@dataclass(frozen=True)
class TokenStream:
    """The tokens of a function, or of a file outside its functions; nothing is compared across streams."""

    kinds: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    """The line of each token, from 1."""

    def add(self, kind: str, line: int) -> None:
        """Append a token; a sequence of values counts as one, so that long lists of numbers weigh no more than short ones."""
        if kind == VALUE and self.kinds and self.kinds[-1] == VALUE:
            return
        self.kinds.append(kind)
        self.lines.append(line)
