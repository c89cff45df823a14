"""The calls of attempts that may still be under way, for readers who come again: each line and each text is read once.

A request repeats the whole conversation before it, so that reading all texts of a long run takes minutes. Here texts are read of
the calls alone that somebody looks at, some in a row: what their requests hold from before is known by the agent's last answer in
the first of them, and left out.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mlebench._support.growing_lines import GrowingLines
from mlebench._support.quantities import show_size
from mlebench.evidence.conversations.attempts import Attempt
from mlebench.evidence.conversations.calls import UNREADABLE, LedgerCall, LedgerCalls, calls_path, reason_of, text_of
from mlebench.evidence.conversations.conversations import Conversations, Node, Sums
from mlebench.evidence.conversations.steps import Block, blocks_of, with_calls

_LARGEST_LEDGER = 64 * 2**20
_MOST_CALLS = 50_000
_LARGEST_TEXTS = 16 * 2**20
"""Bytes of one call's texts."""
_MOST_TEXT = 64 * 2**20
"""Bytes of the turns of a window."""
_MOST_WINDOWS = 3
_MOST_ATTEMPTS = 8


@dataclass(frozen=True)
class Part:
    """A conversation, as far as a window shows it."""

    blocks: list[Block]
    calls: list[Node]
    continues: int | None
    """The call that it goes on from in another way than the conversation before; None of one that begins here or earlier."""
    begins_earlier: bool
    """Whether turns from before the window are left out."""
    opening: Node | None
    """The first turn of a user, left out or not."""


class Window:
    """Some calls in a row, with their texts, as the conversations that they are part of."""

    def __init__(self, is_first: bool) -> None:
        """With whether no calls are before it."""
        self.conversations = Conversations(_MOST_TEXT)
        self.unread: dict[int, str] = {}
        """Why the texts of a call cannot be shown, by its line."""
        self.begun: dict[int, str] = {}
        """By line of the ledger when the call was made."""
        self._is_first, self._size = is_first, 0

    def take(self, attempt: Attempt, entries: Sequence[LedgerCall]) -> None:
        """Read the texts of the calls of the window that have not been read."""
        for entry in entries[self._size :]:
            self._size += 1
            text = None
            if entry.begun is not None:
                self.begun[entry.n] = entry.begun
            try:
                text = text_of(attempt, entry, _LARGEST_TEXTS)
                if self.conversations.is_full:
                    text, self.unread[entry.n] = None, f"the calls before it have {show_size(_MOST_TEXT)}"
            except UNREADABLE as error:
                self.unread[entry.n] = reason_of(error)
            self.conversations.add(entry.n, entry.at, entry.call, text)

    def parts(self) -> list[Part]:
        """The conversations, that with the most calls first."""
        others = self.conversations.without_text
        paths = list(self.conversations.paths())
        if not paths:
            return [_part(others, None, False)] if others else []
        (main, origin), *rest = paths
        found = [_part(with_calls(main, others), origin, not self._is_first)]
        return [*found, *(_part(path, origin, not self._is_first) for path, origin in rest)]

    def close(self) -> None:
        """Let the texts go."""
        self.conversations.close()


def _part(path: list[Node], origin: Node | None, may_begin_earlier: bool) -> Part:
    blocks = list(blocks_of(path))
    first = next((place for place, block in enumerate(blocks) if block.calls), len(blocks))
    is_later = may_begin_earlier and origin is None
    # the agent's last answer before the first call, with the results that this call was made with
    begun = max((place for place in range(first) if blocks[place].begins_with_agent), default=0) if is_later else 0
    calls = [node for node in path if node.call is not None]
    opening = next((node for node in path if node.source == "user"), None)
    return Part(blocks[begun:], calls, None if origin is None else origin.n, begun > 0, opening)


class WatchedCalls:
    """The calls of one attempt. Hold `lock` meanwhile."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.lock = threading.Lock()
        self.calls: list[LedgerCall] = []
        """Those that are part of conversations, as far as the ledger had grown."""
        self.sums: list[Sums] = []
        """What was used up to each of them, itself included."""
        self.counts = 0
        """Questions for a number of tokens."""
        self._lines = GrowingLines(calls_path(attempt), attempt.group.run_dir(attempt.run.run_id), _LARGEST_LEDGER)
        self._reading = LedgerCalls()
        self._windows: OrderedDict[tuple[int, int], Window] = OrderedDict()

    @property
    def is_full(self) -> bool:
        """Whether no further calls are read."""
        return self._lines.is_cut or len(self.calls) >= _MOST_CALLS

    def look(self) -> None:
        """Read what was written since.

        Raises:
            OSError: the ledger is there and cannot be read.
        """
        if self._lines.is_replaced():
            self._begin_again()
        for entry in self._reading.read(self._lines.new()):
            if not entry.is_turn:
                self.counts += entry.call.outcome != "probe"
            elif len(self.calls) < _MOST_CALLS:
                sums = replace(self.sums[-1]) if self.sums else Sums()
                if entry.call.counts:
                    sums.add(entry.call)
                self.calls.append(entry)
                self.sums.append(sums)
        if self._lines.problem is not None:
            raise self._lines.problem

    def place_of(self, n: int) -> int | None:
        """Where a call is in `calls`; None if it does not."""
        return next((place for place, entry in enumerate(self.calls) if entry.n == n), None)

    def window(self, start: int, end: int) -> Window:
        """The calls from one place in `calls` to before another; it is read further when it is asked for again."""
        window = self._windows.pop((start, end), None) or Window(start == 0)
        self._windows[start, end] = window
        while len(self._windows) > _MOST_WINDOWS:
            self._windows.popitem(last=False)[1].close()
        window.take(self.attempt, self.calls[start:end])
        return window

    def close(self) -> None:
        """Let all texts go."""
        for window in self._windows.values():
            window.close()
        self._windows.clear()

    def _begin_again(self) -> None:
        self.close()
        self.calls, self.sums, self.counts, self._reading = [], [], 0, LedgerCalls()


class RecentCalls:
    """The calls of the attempts that were asked for last. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[Path, int], WatchedCalls] = OrderedDict()

    def of(self, attempt: Attempt) -> WatchedCalls:
        """Those of an attempt; the same for whoever asks while it is among the last ones."""
        key = attempt.folder.absolute(), attempt.number
        with self._lock:
            watched = self._known.pop(key, None) or WatchedCalls(attempt)
            watched.attempt = attempt
            self._known[key] = watched
            while len(self._known) > _MOST_ATTEMPTS:
                # whoever holds it still reads in it; its files are closed with it
                self._known.popitem(last=False)
        return watched
