"""Task texts: one source for every edition, in which passages that belong to one edition are marked.

A passage stands between `<!-- v1 -->` and `<!-- /v1 -->` (or `v2`), within a line or over lines of its own. Agents read the text
of their run's edition alone: without the other passages, without the marks, and so without a word about editions.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from mlebench.errors import UsageError
from mlebench.registry.facts import EditionName

_MARK = re.compile(r"^<!-- (/?)(\w+) -->[ ]*\n|<!-- (/?)(\w+) -->", re.MULTILINE)
"""A mark that fills a line takes the line's end with it."""
_EDITIONS: tuple[str, ...] = get_args(EditionName)


def read_task_text(path: Path, edition: EditionName) -> str:
    """The text of one edition.

    Raises:
        UsageError: if the file cannot be read or a mark has no counterpart.
    """
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"cannot read {path}: {reason}; a competition folder needs it") from None
    parts, place, opened = [], 0, ""
    for mark in _MARK.finditer(source):
        closing, name = mark[1] or mark[3], mark[2] or mark[4]
        if name not in _EDITIONS:
            continue
        if (closing and name != opened) or (not closing and opened):
            line = source.count("\n", 0, mark.start()) + 1
            raise UsageError(f"{path}, line {line}: {mark[0].strip()} has no counterpart; write <!-- {name} -->…<!-- /{name} -->")
        if not opened or opened == edition:
            parts.append(source[place : mark.start()])
        place, opened = mark.end(), "" if closing else name
    if opened:
        raise UsageError(f"{path}: a passage of {opened} has no end; write <!-- /{opened} --> behind it")
    parts.append(source[place:])
    return re.sub(r"\n{3,}", "\n\n", "".join(parts)).strip() + "\n" if place else source
