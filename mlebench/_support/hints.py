"""Commands that messages offer to paste, and names that they suggest."""

from __future__ import annotations

import re
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
_PART = 0.9
"""What the likeness to a part of a name counts, as of `tme` to `time_limit`."""
_SHORTEST_PART = 3
_MISTAKE = 0.8
"""From here on, a name is taken for a mistyped one although other names are possible."""
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
    ratios = {each: difflib.SequenceMatcher(None, each, word).ratio() for each in folded}
    if max(ratios.values(), default=1.0) < _MISTAKE:
        ratios = {each: max(ratio, *_part_ratios(each, word)) for each, ratio in ratios.items()}
    likely = [each for each, ratio in ratios.items() if ratio >= _CUTOFF and ratio > max(ratios.values()) - _MARGIN]
    alike = sorted(likely, key=lambda each: (ratios[each], each), reverse=True)[:most]
    inside = sorted(each for each in folded if word and word in each)
    return [folded[each] for each in dict.fromkeys([*alike, *inside])][:most]


def _part_ratios(name: str, word: str) -> list[float]:
    import difflib

    parts = [part for part in re.split(r"[_.-]", name) if min(len(part), len(word)) >= _SHORTEST_PART and part != name]
    return [0.0, *(_PART * difflib.SequenceMatcher(None, part, word).ratio() for part in parts)]


def mistyped(name: str, known: Iterable[str]) -> bool:
    """Whether an unknown name is so like a known one that it must be a mistake, where names that are not known are allowed."""
    import difflib

    return any(difflib.SequenceMatcher(None, each.casefold(), name.casefold()).ratio() >= _MISTAKE for each in known)


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
