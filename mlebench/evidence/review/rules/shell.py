"""Command lines of a shell script, one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator

_COMMENT = re.compile(r"(?:^|\s)#(?![^\s]*\})[^'\"]*$")
_LONGEST = 20_000


def command_lines(script: str) -> Iterator[str]:
    """The lines of a script, continued ones as one, without comments and blank ones."""
    for line in script.replace("\\\n", " ").split("\n"):
        bare = _COMMENT.sub("", line[:_LONGEST]).strip()
        if bare:
            yield bare
