"""What of an answer has gone to the agent."""

from __future__ import annotations

import hashlib

_EVENT_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")


class Passed:
    """What of an answer went to the agent."""

    def __init__(self, most_kept: int) -> None:
        self._most_kept = most_kept
        self._hash = hashlib.sha256()
        self._kept: list[bytes] = []
        self.size = 0
        self.events = 0
        self.tail = b""

    def add(self, block: bytes) -> None:
        """A block went."""
        self._hash.update(block)
        if self.size < self._most_kept:
            self._kept.append(block[: self._most_kept - self.size])
        self.size += len(block)
        self.events += block.count(b"data:")
        self.tail = (self.tail + block)[-4:]

    @property
    def is_between_events(self) -> bool:
        """Whether a comment may be written now."""
        return not self.size or self.tail.endswith(_EVENT_ENDS)

    @property
    def sha256(self) -> str:
        """In hexadecimal digits."""
        return self._hash.hexdigest()

    @property
    def kept(self) -> bytes:
        """Its beginning."""
        return b"".join(self._kept)

    @property
    def is_kept_whole(self) -> bool:
        """Whether `kept` is all."""
        return self.size <= self._most_kept
