"""Searches gigabytes for secrets: finds which values occur in a stream of bytes, in any form in which tools print them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlebench._support.secrets import Forms, forms_of, has_encoded_lines

_SHORT = 7
"""Bytes of the shortest form that holds, wherever it stands, a whole word of 4 bytes at a multiple of 4."""
_BITS = 18
_MULTIPLIER = 2654435761
_CHUNK = 2**18
"""Words that are looked at at once, so that what is made of them stays in the processor's cache."""


class SecretSearch:
    """Values to look for. Those of fewer than 4 bytes are not, as with `Mask`."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        """Args:
        secrets: values by name; a name is all that is ever told.
        """
        by_name = {name: forms_of([value]) for name, value in secrets.items()}
        self._names = {form: name for name, forms in sorted(by_name.items()) for form in sorted(forms.all)}
        forms = Forms(frozenset(self._names), frozenset(form for forms in by_name.values() for form in forms.wrapped))
        self._all, self._wrapped = _Finder(forms.all), _Finder(forms.wrapped)
        longest = max(map(len, self._names), default=0)
        # encoders break lines of 16 letters or more, by two bytes at most
        self.overlap = longest + longest // 8 + 2

    def __bool__(self) -> bool:
        return bool(self._names)

    def found_in(self, text: bytes) -> set[str]:
        """Names of the values that are in `text`."""
        forms = self._all.found_in(text)
        if self._wrapped and has_encoded_lines(text):
            forms |= self._wrapped.found_in(text.translate(None, b"\r\n"))
        return {self._names[form] for form in forms}


class SearchedStream:
    """Bytes that come in blocks; a value that a block's end cuts in two is found as well."""

    def __init__(self, search: SecretSearch) -> None:
        self._search = search
        self._end = b""
        self.found: set[str] = set()
        """Names of the values that stood in what came so far."""

    def feed(self, block: bytes) -> None:
        """The next block."""
        text = self._end + block
        self.found |= self._search.found_in(text)
        self._end = text[-self._search.overlap :]


class _Finder:
    """Finds occurrences of many forms; a look-up table excludes 4-byte words that begin none of them."""

    def __init__(self, forms: Iterable[bytes]) -> None:
        self._short: list[bytes] = []
        self._by_word: dict[int, list[bytes]] = {}
        for form in sorted(forms):
            if len(form) < _SHORT:
                self._short.append(form)
                continue
            # the last letters of a form are its own, the first ones are in other words, too
            for start in range(len(form) - _SHORT, len(form) - _SHORT + 4):
                self._by_word.setdefault(int.from_bytes(form[start : start + 4], "little"), []).append(form)
        self._table: Any = _table(self._by_word) if self._by_word else None

    def __bool__(self) -> bool:
        return bool(self._short or self._by_word)

    def found_in(self, text: bytes) -> set[bytes]:
        found = {form for form in self._short if form in text}
        if self._table is None or len(text) < _SHORT:
            return found
        suspects = {form for word in self._words_in(text) for form in self._by_word.get(word, ())}
        return found | {form for form in suspects if form in text}

    def _words_in(self, text: bytes) -> set[int]:
        import numpy as np

        words = np.frombuffer(text, dtype="<u4", count=len(text) // 4)
        found: set[int] = set()
        for start in range(0, len(words), _CHUNK):
            chunk = words[start : start + _CHUNK]
            places = np.flatnonzero(self._table[_slots(chunk)])
            found.update(np.unique(chunk[places]).tolist())
        return found


def _slots(words: Any) -> Any:
    """Where each word of an array looks in the table."""
    import numpy as np

    return (words * np.uint32(_MULTIPLIER)) >> np.uint32(32 - _BITS)


def _table(by_word: Iterable[int]) -> Any:
    import numpy as np

    table = np.zeros(2**_BITS, dtype=bool)
    table[_slots(np.array(list(by_word), dtype=np.uint32))] = True
    return table
