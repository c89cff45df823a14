"""Lines of the harness in a run's log, and protection against agents that imitate them.

Lines of the harness begin with `[mlebench] `. If the agent prints these letters, at the beginning of a line or elsewhere and with
any invisible characters between them, they are replaced by `[agent: mlebench]`. So readers of a log can always tell who wrote a
line.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

PREFIX = b"[mlebench]"
_AGENTS = b"[agent: "
_UNSEEN = (
    rb"(?:[\x00-\x08\x0b-\x1f\x7f ]"  # spaces and control characters except line ends and tabs
    rb"|\x1b\[[0-?]*[ -/]*[@-Z\\-~]"  # escape sequences that set colours or move the cursor
    rb"|\xc2[\x80-\x9f\xad]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf|\xef\xb8[\x80-\x8f]"  # unseen UTF-8
    rb"){0,64}"
)
_BEGUN = rb"(?:\x1b(?:\[[0-?]*[ -/]*)?|\xc2|\xe2[\x80\x81]?|\xef[\xbb\xb8]?)?"
"""The beginning of an invisible character."""
_LETTERS = [re.escape(PREFIX[place : place + 1]) for place in range(len(PREFIX))]
_WORD = re.compile(_UNSEEN.join(_LETTERS), re.IGNORECASE)
_LONGEST = 4096


def _beginning() -> re.Pattern[bytes]:
    """A pattern for a prefix of the word at the end of a text."""
    pattern = _UNSEEN + _BEGUN
    for letter in reversed(_LETTERS[1:-1]):
        pattern = _UNSEEN + rb"(?:" + letter + pattern + rb"|" + _BEGUN + rb")"
    return re.compile(_LETTERS[0] + pattern + rb"\Z", re.IGNORECASE)


_BEGINNING = _beginning()


def harness_line(text: str) -> bytes:
    """A line of the harness with the current time."""
    # a single line, whatever it quotes
    text = " ".join(text.splitlines())
    return PREFIX + f" {datetime.now(UTC):%Y-%m-%d %H:%M:%S} {text}\n".encode("utf-8", "backslashreplace")


class Agents:
    """Filters an agent's output stream so that nothing in it looks like a line of the harness."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, block: bytes) -> bytes:
        """Filter the next block; an end that may be the beginning of `[mlebench]` is held back for the next call."""
        text = _WORD.sub(_mark, self._held + block)
        found = _BEGINNING.search(text, max(0, len(text) - _LONGEST))
        at = found.start() if found else len(text)
        self._held = text[at:]
        return text[:at]

    def finish(self) -> bytes:
        """Return what was held back, at the end of the stream."""
        held, self._held = self._held, b""
        return held


def _mark(found: re.Match[bytes]) -> bytes:
    return _AGENTS + found[0][1:]
