"""Lists of competitions that a user names: a split, a suite, or a text file with one id a line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from grading.printable import printable
from mlebench._support.files import numbered_lines, read_text
from mlebench._support.hints import did_you_mean, near_file
from mlebench.errors import UsageError
from mlebench.registry.catalogue import SPLITS, Registry

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def read_ids(path: Path) -> list[str]:
    """The competition ids of a text file, one a line, each once; a remark begins with `#`.

    Raises:
        UsageError: the file cannot be read, a line is not an id, or there is none.
    """
    ids: dict[str, None] = {}
    for number, line in numbered_lines(read_text(path, "give a text file with one id a line")):
        name = line.partition(" #")[0].partition("\t#")[0].strip()
        if not _ID.fullmatch(name):
            raise UsageError(f"{path}, line {number} is not a competition id ({printable(name)}); give one id a line")
        ids[name] = None
    if not ids:
        raise UsageError(f"{path} names no competition; give one id a line, `mlebench list` shows them")
    return list(ids)


def ids_of_split(name: str, registry: Registry) -> list[str]:
    """The competition ids of a split, of a suite or one of its splits, or of a text file with one id a line.

    Raises:
        UsageError: it is none of these, or the suite or file is faulty.
    """
    if registry.has_split(name):
        return registry.list_competition_ids(name)
    path = Path(name)
    if not path.exists():
        splits = registry.split_names()
        question = did_you_mean(name, splits) or near_file(path)
        raise UsageError(
            f"unknown split `{printable(name)}`, and no such file; {f'{question} Otherwise ' if question else ''}"
            f"give {', '.join(splits)} or a file with one id per line"
        )
    return read_ids(path)


def split_of_ids(ids: Iterable[str], registry: Registry) -> str | None:
    """The split that consists of exactly these competitions; None if there is none."""
    wanted = set(ids)
    by_value = registry.ids_by_split()
    for name, values in SPLITS.items():
        if wanted == {each for value in values for each in by_value.get(value, ())}:
            return name
    of_suites = ((name, ids) for suite in registry.suites() for name, ids in suite.splits.items())
    return next((name for name, ids in of_suites if wanted == set(ids)), None)
