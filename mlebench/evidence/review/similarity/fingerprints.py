"""Fingerprints of token streams by winnowing: the k-gram with the smallest hash in every window."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from mlebench.evidence.review.similarity.token_stream import TokenStream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GRAM = 19
"""Tokens that are hashed together, some two or three lines: nothing shorter counts as shared."""
WINDOW = 11
"""Grams of which one is kept: any shared sequence of `GRAM + WINDOW - 1` tokens has a common fingerprint."""
_SHORTEST = 12
"""Tokens of the shortest stream with a fingerprint; one shorter than a gram is hashed as a whole."""
_BASE = 0x9E3779B97F4A7C15
_MIXER = 0xBF58476D1CE4E5B9


class Fingerprints(NamedTuple):
    """Of one text, in the order in which it is read; each array has shape (n,)."""

    hashes: NDArray[np.uint64]
    first_tokens: NDArray[np.int64]
    last_tokens: NDArray[np.int64]
    """Places of each gram's first and last token. Streams follow each other with a gap, so that no stretch joins two."""
    first_lines: NDArray[np.int64]
    last_lines: NDArray[np.int64]
    """From 1."""


def fingerprints(streams: Iterable[TokenStream]) -> Fingerprints:
    """The fingerprints of a text, given as its streams."""
    import numpy as np

    rows = []
    offset = 0
    for stream in streams:
        count = len(stream.kinds)
        if count < _SHORTEST:
            continue
        length = min(GRAM, count)
        grams = _gram_hashes(np.array([_code(kind) for kind in stream.kinds], np.uint64), length)
        first = _winnowed(grams)
        last = first + length - 1
        lines = np.array(stream.lines, np.int64)
        # keywords in another order may be on earlier lines
        ends = np.sort(np.stack([lines[first], lines[last]]), axis=0)
        rows.append((grams[first], first + offset, last + offset, ends[0], ends[1]))
        offset += count + 2 * GRAM
    if not rows:
        none = np.zeros(0, np.int64)
        return Fingerprints(none.astype(np.uint64), none, none, none, none)
    return Fingerprints(*(np.concatenate(parts) for parts in zip(*rows, strict=True)))


_codes: dict[str, int] = {}


def _code(kind: str) -> int:
    """64 bits for a kind of token, the same in every process; there are as many kinds as a grammar has."""
    if kind not in _codes:
        _codes[kind] = int.from_bytes(blake2b(kind.encode("utf-8", "backslashreplace"), digest_size=8).digest(), "little")
    return _codes[kind]


def _gram_hashes(codes: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    """The hash of every sequence of `length` tokens, mixed so that each is equally likely to be the smallest."""
    import numpy as np

    count = len(codes) - length + 1
    total = np.full(count, length, np.uint64)
    with np.errstate(over="ignore"):
        for place in range(length):
            total = total * np.uint64(_BASE) + codes[place : place + count]
            total ^= total >> np.uint64(29)
        total *= np.uint64(_MIXER)
    mixed: NDArray[np.uint64] = total ^ (total >> np.uint64(31))
    return mixed


def _winnowed(grams: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Places of the grams kept: the last of the least in each window, each once."""
    import numpy as np

    windows = np.lib.stride_tricks.sliding_window_view(grams, min(WINDOW, len(grams)))
    from_end = np.argmin(windows[:, ::-1], axis=1)
    return np.unique(np.arange(len(windows)) + windows.shape[1] - 1 - from_end)
