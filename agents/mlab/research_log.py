"""The research log: a paragraph for each step that is no longer shown in full."""

from __future__ import annotations

from pathlib import Path

MOST_READ = 100_000
"""Maximum characters of the log in a prompt; the latest are kept."""


class ResearchLog:
    """A Markdown file that is appended to."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file
        self._text = ""

    @property
    def text(self) -> str:
        """The whole log, or its end if it is long."""
        return self._text[-MOST_READ:]

    def append(self, title: str, content: str) -> None:
        """Add a paragraph."""
        paragraph = f"## {title}\n\n{content.strip()}\n\n"
        self._text += paragraph
        with self._file.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(paragraph)
