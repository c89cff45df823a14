"""Commands that messages offer to paste, and names that they suggest."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from mlebench._support import paths


def command(*words: object, data_dir: Path | None = None, runs_dir: Path | None = None) -> str:
    """A command in backticks, its words quoted for a shell, such as `` `mlebench grade 'my file.csv' -c ID` ``.

    Args:
        words: what follows `mlebench`.
        data_dir, runs_dir: where the message speaks of; named by an option unless the command would look there anyway.
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


def quoted(word: str) -> str:
    r"""A word as a shell takes it; one that cannot be shown as it is becomes `$'…\xff'`."""
    if word.isprintable():
        return shlex.quote(word)
    letters = (chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in word.encode("utf-8", "surrogateescape"))
    return "$'" + "".join(f"\\{letter}" if letter in "'\\" else letter for letter in letters) + "'"
