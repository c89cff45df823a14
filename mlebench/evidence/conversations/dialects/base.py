"""What an export knows of a dialect: how a request's conversation and a whole or streamed answer are read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from mlebench.evidence.conversations.turns import Turn


class DialectReader(Protocol):
    """Reads one dialect; takes anything, and leaves out what is of no shape that the dialect has."""

    def prompt(self, content: dict[str, Any]) -> list[Turn]:
        """The conversation that a request's body holds, in its order."""
        ...

    def tools(self, content: dict[str, Any]) -> list[dict[str, Any]]:
        """The tools that a request's body offers, as OpenAI's chat completions declare functions where they are functions."""
        ...

    def plain(self, content: Any) -> Turn:
        """A whole answer."""
        ...

    def streamed(self, events: Iterable[tuple[str, Any]]) -> Turn:
        """A streamed answer, as far as it came.

        Args:
            events: name and data, parsed.
        """
        ...
