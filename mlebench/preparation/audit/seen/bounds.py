"""How much an audit reads from archives, which are untrusted."""

from __future__ import annotations

MOST_MEMBERS = 2_000_000
"""Files and members that are listed."""
DEEPEST = 4
"""Archives inside one another that are opened."""
LONGEST_NAME = 4_096
"""Characters of a member's name, or of what an archive says next to it, that are kept."""
BOMB_RATIO = 1_000
BOMB_FLOOR = 2**30
"""An archive or member that unpacks to more than both the ratio and the floor is not read."""
HELD = 64 * 2**20
"""Bytes of an archive inside another one that are held in memory; more go to a temporary file without a name."""
MOST_NESTED = 64 * 2**30
"""Bytes of an archive inside another one that are unpacked."""
MOST_UNPACKED = 2**42
"""Bytes that are unpacked to list everything."""
COUNTED = 2**28
"""Packed bytes up to which the size of a file behind gzip is counted rather than taken from its end."""


def is_bomb(unpacked: int, packed: int) -> bool:
    """Whether something unpacks to an absurd size."""
    return unpacked > max(BOMB_FLOOR, BOMB_RATIO * packed)
