"""Lines of a run's log that an agent can bring about: each once, and not without an end."""

from __future__ import annotations

from collections.abc import Callable

_MOST = 100


class Notes:
    """Lines of one kind."""

    def __init__(self, note: Callable[[str], None], most: int = _MOST) -> None:
        """Args:
        note: writes a line.
        most: lines that are written; later ones are not.
        """
        self._note, self._most = note, most
        self._said: set[str] = set()

    def once(self, line: str) -> None:
        """Write a line, unless it stands there already."""
        if line not in self._said and len(self._said) < self._most:
            self._said.add(line)
            self._note(line)
