"""Text files: a user's, read with the cause named where they cannot be; ours, replaced at once so that no reader sees a part."""

from __future__ import annotations

import codecs
import contextlib
import errno
import itertools
import json
import math
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from mlebench._support.hints import near_file
from mlebench._support.plain_files import kind_of
from mlebench.errors import UsageError

_NAMED_DEVICES = ("/dev/", "/proc/")
_MOST_DIGITS = 20
_serial = itertools.count()
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_GZIP = b"\x1f\x8b"
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV, errno.EMLINK)
"""What a file system without hard links answers."""


def time_in_name() -> str:
    """The time in UTC, to the second, in a form that may be part of a file name and sorts: `2024-10-09T12-00-00`."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}"


def read_text(path: Path, advice: str) -> str:
    """The text of a user's UTF-8 file, without its byte order mark.

    Args:
        path: the file.
        advice: ends the sentence where the file cannot be used, such as `give a text file with one id a line`.

    Raises:
        UsageError: it cannot be read or is not UTF-8 text, with what it seems to be.
    """
    try:
        mode = path.stat().st_mode
        # the shell's own pipes are meant; one that lies about would be waited for without end
        if not stat.S_ISREG(mode) and not str(path).startswith(_NAMED_DEVICES):
            raise UsageError(f"{path} is {kind_of(mode)}, not a file; {advice}")
        content = path.read_bytes()
    except OSError as error:
        question = near_file(path) if isinstance(error, FileNotFoundError) else ""
        advice = f"{question} Otherwise {advice}" if question else advice
        raise UsageError(f"cannot read {path}: {error.strerror}; {advice}") from None
    except ValueError as error:
        raise UsageError(f"cannot read {path}: {error}; {advice}") from None
    if content.startswith(_GZIP):
        raise UsageError(f"{path} is gzip-compressed, not UTF-8 text; unpack it, or {advice}")
    if content.startswith(_UTF_16) or b"\0" in content[:64]:
        what = "UTF-16 text" if content.startswith(_UTF_16) or content[:64].count(b"\0") > 8 else "binary"
        raise UsageError(f"{path} is {what}, not UTF-8 text; save it as UTF-8, or {advice}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}, line {line} is not UTF-8 text (byte 0x{content[error.start]:02x}); {advice}") from None


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a text with their numbers from 1, without blank ones and remarks, which begin with `#` or `//`.

    Lines end with a line feed alone, as other line separators of Unicode may stand within a JSON string.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        content = line.strip()
        if content and not content.startswith(("#", "//")):
            yield number, content


def parse_own_json(content: bytes) -> Any:
    """A JSON document that this harness wrote; every number in it is finite, and whole ones have 64 bits.

    Raises:
        ValueError: it is not, so somebody else or a fault changed it.
    """
    try:
        return json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_without_repeats,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_no_number,
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS or abs(value := int(text)) >= 2**63:
        raise ValueError(f"it holds a number of {len(text)} digits")
    return value


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"it holds the number {text[:20]}")
    return value


def _no_number(word: str) -> float:
    raise ValueError(f"it holds {word}, which is not JSON")


def move_aside(path: Path) -> None:
    """Where a folder is in the place of a file, give it another name, so that the file can be written."""
    if not path.is_symlink() and path.is_dir():
        free = (path.with_name(f"{path.name}.aside-{number}") for number in itertools.count(1))
        path.rename(next(place for place in free if not place.exists()))


def parse_json(text: str) -> Any:
    """A JSON document; objects in which a key stands twice are errors, as readers differ in which one holds.

    Raises:
        ValueError: it is not JSON, or cannot be read in one way.
    """
    try:
        return json.loads(text, object_pairs_hook=_without_repeats)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("an object in it has a key twice")
    return content


def write_text(path: Path, text: str) -> None:
    """Replace `path` at once; a reader sees the old content or the new one, never a part.

    Lone surrogates, which stand for bytes of file names that are not UTF-8, are written as `\\udcff`.
    """
    with _written_beside(path, text) as partial:
        partial.replace(path)


def write_new_text(path: Path, text: str) -> None:
    """`write_text` for a file that must not exist yet.

    Raises:
        FileExistsError: it does; it stays as it is.
    """
    with _written_beside(path, text) as partial:
        try:
            os.link(partial, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            path.touch(exist_ok=False)
            partial.replace(path)


@contextlib.contextmanager
def _written_beside(path: Path, text: str) -> Iterator[Path]:
    """A hidden file next to `path` with the whole text; it is gone afterwards, whatever happens."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.{next(_serial)}")
    try:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
        yield partial
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` at once when the block ends well; a reader sees the old content or the new one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.{next(_serial)}")
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def json_text(content: Any, *, ascii_only: bool = False) -> str:
    """A JSON document, indented, in which every character that a terminal would obey is escaped.

    Args:
        content: JSON-ready; NaN and infinity are errors, as other readers refuse them.
        ascii_only: escape everything outside ASCII, for where it could not be encoded.
    """
    text = json.dumps(content, indent=2, ensure_ascii=ascii_only, allow_nan=False)
    if all(line.isprintable() for line in text.split("\n")):
        return text
    return "".join(letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1] for letter in text)


def write_json(path: Path, content: Any) -> None:
    """Write JSON at once; NaN and infinity are errors, as other readers refuse them."""
    write_text(path, json_text(content) + "\n")


def write_yaml(path: Path, content: Any) -> None:
    """Write YAML at once, keys in the order given."""
    import yaml

    write_text(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120))
