"""Commands that messages offer to paste, and names that they suggest."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from grading.printable import printable
from mlebench._support import paths

_LONGEST_NAME = 60
_LONGEST_LIST = 16
"""More names than these are not listed in a message."""
_CUTOFF, _MARGIN = 0.55, 0.12
"""How alike a suggestion must be, of 1, and how much less than the best one."""
_MOST_FILES = 1_000


def command(*words: object, data_dir: Path | None = None, runs_dir: Path | None = None) -> str:
    """A command in backticks, its words quoted for a shell, such as `` `mlebench grade 'my file.csv' -c ID` ``.

    Args:
        words: what follows `mlebench`.
        data_dir, runs_dir: the folders meant; given by an option unless the command uses them by default.
    """
    listed = ["mlebench", *map(str, words)]
    if data_dir is not None and data_dir != paths.data_dir():
        listed += ["--data-dir", str(data_dir)]
    if runs_dir is not None and runs_dir != paths.runs_dir():
        listed += ["--runs-dir", str(runs_dir)]
    return f"`{' '.join(map(quoted, listed))}`"


def alternatives(near: Sequence[str]) -> str:
    """Names to choose from, such as `one, two or three`."""
    return " or ".join(filter(None, (", ".join(near[:-1]), *near[-1:])))


def unknown(kind: str, name: str, known: Iterable[str], *, where: str = "", above: str = "", listing: str | None = None) -> str:
    """A sentence about a name that does not exist.

    Such as ``unknown agent `baselin`; did you mean `baseline`? `mlebench agents` lists all agents``.

    Args:
        kind: what the name was taken for, in the singular.
        name: what the user wrote.
        known: the names that exist.
        where: follows the name, such as `in my-group`.
        above: is shown before the name, such as the keys that lead to it.
        listing: the command in backticks that lists the names; without one, a short list is part of the sentence.
    """
    names = list(dict.fromkeys(known))
    subject = " ".join(filter(None, (f"unknown {kind} `{above}{printable(name, _LONGEST_NAME)}`", where)))
    question = did_you_mean(name, names)
    if listing:
        rest = f"{listing} lists all {kind}s"
        return f"{subject}; {question} {rest}" if question else f"{subject}; {rest}"
    if question:
        return f"{subject}; {question}"
    return f"{subject}; choose {alternatives(ticked(names))}" if 0 < len(names) <= _LONGEST_LIST else subject


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The question ``did you mean `one` or `two`?``; empty if no known name is near."""
    found = near(name, known)
    return f"did you mean {alternatives(ticked(found))}?" if found else ""


def near(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Known names that a mistyped one may stand for, the nearest first; upper and lower case are alike.

    Names that contain the mistyped one follow those that look like it.
    """
    import difflib

    folded = {each.casefold(): each for each in reversed(list(known)) if each}
    word = name.casefold()
    alike = difflib.get_close_matches(word, folded, n=most, cutoff=_CUTOFF)
    ratios = {each: difflib.SequenceMatcher(None, each, word).ratio() for each in alike}
    alike = [each for each in alike if ratios[each] > max(ratios.values()) - _MARGIN]
    inside = sorted(each for each in folded if word and word in each)
    return [folded[each] for each in dict.fromkeys([*alike, *inside])][:most]


def near_file(path: Path) -> str:
    """The question ``did you mean `results/submission.csv`?`` about a path that does not exist; empty if nothing is near."""
    import itertools

    try:
        names = [entry.name for entry in itertools.islice(path.parent.iterdir(), _MOST_FILES)]
        # a dangling link has the very name
        siblings = [name for name in names if name != path.name]
    except (OSError, ValueError):
        return ""
    alike = near(path.name, siblings, most=1) if len(path.name) > 1 else []
    return f"did you mean `{quoted(str(path.parent / alike[0]))}`?" if alike else ""


def ticked(names: Iterable[str]) -> list[str]:
    """Each name in backticks."""
    return [f"`{printable(name, _LONGEST_NAME)}`" for name in names]


def quoted(word: str) -> str:
    r"""A word as a shell takes it; one that cannot be shown as it is becomes `$'…\xff'`."""
    if word.isprintable():
        return shlex.quote(word)
    letters = (chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in word.encode("utf-8", "surrogateescape"))
    return "$'" + "".join(f"\\{letter}" if letter in "'\\" else letter for letter in letters) + "'"
