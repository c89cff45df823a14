"""Secrets that agents ask for: looked up when a run starts, masked wherever a run's output is written."""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
import shlex
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, quote_plus

from mlebench._support.text import decode
from mlebench.errors import UsageError

_SHORTEST = 4
"""Shorter values are not masked: every `1` of a log would turn into stars."""
_SHORTEST_PIECE = 8
"""The same for lines of a value and for what encoders make of it: pieces of few letters are in other words as well."""
_STARS = b"***"
_SHORTEST_LINE, _LEAST_OF_LINE = 16, 3
"""Letters of a line into which encoders break what they write, and how many of a form make its end suspicious."""
_ENCODED_LINE = re.compile(rb"\n(?:(?<=[\w+/-]{16}\n)|(?<=[\w+/-]{16}\r\n))(?=[\w+/-])")
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def find_secrets(names: Iterable[str], env_file: Path | None = None) -> dict[str, str]:
    """Values of the secrets that are set, from the environment or else from `.env` in the working directory.

    Args:
        names: names of environment variables.
        env_file: read instead of `.env`; lines `NAME=value` as python-dotenv reads them: quotes (over several lines,
            too), a leading `export` and comments after a blank are allowed. `${NAME}` outside single quotes is the value of a
            line above, and stands for itself where there is none.

    Returns:
        the values found, by name; names that are set nowhere are left out.

    Raises:
        UsageError: the file is needed and cannot be read, or a line with one of the names can be understood by nobody.
    """
    found = {name: os.environ.get(name) for name in names}
    if not all(found.values()):
        missing = [name for name, value in found.items() if not value]
        found |= _read_env_file(env_file or Path(".env"), missing)
    return {name: value for name, value in found.items() if value}


class Forms(NamedTuple):
    """Every form in which tools print some values."""

    all: frozenset[bytes]
    wrapped: frozenset[bytes]
    """Those that encoders break into lines."""


def forms_of(secrets: Iterable[str]) -> Forms:
    """The forms of some values: as they are and without blanks around them, each line of a longer one, escaped as JSON, Python, a
    shell, HTML or a URL writes them, in UTF-16, in base64 and in hexadecimal. Values of fewer than 4 bytes have none."""
    values = [value for secret in secrets for value in {secret, _bare(secret)}]
    printed = {form for value in values for form in _printed_forms(value)}
    encoded = {form for value in values for form in _encoded_forms(_bytes(value))}
    return Forms(frozenset(printed | encoded), frozenset(encoded))


def has_encoded_lines(text: bytes) -> bool:
    """Whether encoders may have broken something in it into lines."""
    return _ENCODED_LINE.search(text) is not None


class Mask:
    """Replaces secret values by stars, in every form in which tools print a value, see `forms_of`; one in base64 or in
    hexadecimal wherever it stands within what was encoded, in one line or several. Values of fewer than 4 bytes stay."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = forms_of(secrets)
        self._forms = sorted(forms.all)
        self._wrapped = sorted(forms.wrapped)
        self._held = b""
        self._covered = 0
        """Bytes at the beginning of what is held back for which stars are written already."""

    def apply(self, text: bytes) -> bytes:
        """`text` with every secret masked."""
        return self._masked(text, len(text), 0)[0]

    def apply_to_text(self, text: str) -> str:
        """The same for a text, such as a file's name."""
        return os.fsdecode(self.apply(os.fsencode(text)))

    def feed(self, block: bytes) -> bytes:
        """The next block of a stream, masked; an end that may be the beginning of a secret is held back for the next."""
        text = self._held + block
        starts = [_beginning_at_end(form, text) for form in self._forms]
        starts += [_wrapped_beginning_at_end(form, text) for form in self._wrapped]
        held_from = min(starts, default=len(text))
        masked, self._covered = self._masked(text, held_from, self._covered)
        self._held = text[held_from:]
        return masked

    def finish(self) -> bytes:
        """What was held back: the stream has ended."""
        masked, self._covered = self._masked(self._held, len(self._held), self._covered)
        self._held = b""
        return masked

    def _masked(self, text: bytes, end: int, covered: int) -> tuple[bytes, int]:
        """`text` up to `end` masked, and how far the last stars reach beyond.

        Args:
            text: bytes.
            end: secrets that begin from there on are left for later.
            covered: bytes at the beginning for which stars are written already.
        """
        pieces, done = [], covered
        for start, stop in self._places(text):
            if start >= end:
                break
            if start >= done:
                pieces += [text[done:start], _STARS]
            done = max(done, stop)
        if done < end:
            pieces.append(text[done:end])
        return b"".join(pieces), max(0, done - end)

    def _places(self, text: bytes) -> list[tuple[int, int]]:
        """Where secrets stand, in the order of their beginnings; they may overlap."""
        found = [span for form in self._forms for span in _spans(form, text)]
        if self._wrapped and has_encoded_lines(text):
            joined = text.translate(None, b"\r\n")
            spans = [span for form in self._wrapped for span in _spans(form, joined)]
            if spans:
                # how many bytes of line ends stand before each byte of the joined text
                ends = [place - count for count, place in enumerate(match.start() for match in re.finditer(rb"[\r\n]", text))]
                found += [(start + bisect_right(ends, start), stop + bisect_right(ends, stop - 1)) for start, stop in spans]
        return sorted(found)


def mask_stream(blocks: Iterable[bytes], secrets: Iterable[str]) -> Iterator[bytes]:
    """Bytes that come in blocks, masked; a secret that a block's end cuts in two is masked as well."""
    mask = Mask(secrets)
    for block in blocks:
        yield mask.feed(block)
    yield mask.finish()


def _spans(form: bytes, text: bytes) -> Iterator[tuple[int, int]]:
    at = text.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = text.find(form, at + 1)


def _beginning_at_end(form: bytes, text: bytes) -> int:
    """Where in `text` a beginning of `form` is at the very end, but not all of it; the end when it does not."""
    at = text.find(form[:1], max(0, len(text) - len(form) + 1))
    while at >= 0 and not form.startswith(text[at:]):
        at = text.find(form[:1], at + 1)
    return at if at >= 0 else len(text)


def _wrapped_beginning_at_end(form: bytes, text: bytes) -> int:
    """The same for a form that an encoder breaks into lines."""
    window = text[-(len(form) + len(form) // _SHORTEST_LINE * 2 + 4) :]
    joined = window.translate(None, b"\r\n")
    at = _beginning_at_end(form, joined)
    # a line that ends with one letter of it is an ordinary line
    least = _LEAST_OF_LINE if window.endswith(b"\n") else 1
    if len(joined) - at < least or len(joined) == len(window):
        return len(text)
    letters = [place for place, letter in enumerate(window) if letter not in b"\r\n"]
    return len(text) - len(window) + letters[at]


def _bare(secret: str) -> str:
    """A value without what came along from the file that it was copied from: blanks, line ends and quotes around it."""
    return secret.strip().strip("'\"").strip()


def _printed_forms(value: str) -> set[bytes]:
    forms = {form for form in _escaped_forms(value) if len(form) >= _SHORTEST}
    pieces = {_bytes(line.strip()) for line in value.splitlines()} if "\n" in value.strip() else set()
    forms |= {piece for piece in pieces if len(piece) >= _SHORTEST_PIECE}
    return forms.union(*map(_wide_forms, forms))


def _wide_forms(form: bytes) -> set[bytes]:
    # in English text both are found, one byte apart; three stars in the place of an odd number of bytes leave the rest readable
    try:
        text = form.decode()
    except UnicodeDecodeError:
        return set()
    return {text.encode("utf-16-le"), text.encode("utf-16-be")}


def _encoded_forms(raw: bytes) -> set[bytes]:
    return {
        form for form in (*_base64_forms(raw), raw.hex().encode(), raw.hex().upper().encode()) if len(form) >= _SHORTEST_PIECE
    }


def _escaped_forms(value: str) -> set[bytes]:
    raw = _bytes(value)
    urls = {quote(raw, safe=safe) for safe in ("", "/")} | {quote_plus(raw)}
    texts = {
        value,
        value.replace("\n", "\r\n"),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        ascii(value)[1:-1],
        repr(raw)[2:-1],
        shlex.quote(value).strip("'"),
        value.replace("'", "'\\''"),
        html.escape(value),
        *urls,
        *(re.sub("%..", lambda found: found[0].lower(), url) for url in urls),
    }
    return set(map(_bytes, texts))


def _base64_forms(raw: bytes) -> set[bytes]:
    """The letters that stand for `raw` alone, for each of the three places at which it may stand within what was encoded."""
    forms = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).rstrip(b"=")
        # a letter holds 6 bits: the outer ones hold bits of the neighbours, too
        inner = encoded[-(-8 * before // 6) : 8 * (before + len(raw)) // 6]
        forms |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return forms


def _bytes(text: str) -> bytes:
    # an environment variable may hold bytes that are not UTF-8
    return text.encode("utf-8", "surrogateescape")


def _read_env_file(path: Path, names: Iterable[str]) -> dict[str, str]:
    """The values of `names` that are written in a file of lines `NAME=value`."""
    from dotenv.parser import parse_stream

    try:
        text = _text(path.read_bytes())
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageError(f"cannot read {path.absolute()}: {error.strerror}; `export` the variables instead") from None
    # python-dotenv takes a comment for the value where there is no value before it
    text = re.sub(r"(?m)^(\s*(?:export\s+)?[\w.-]+\s*=)[^\S\r\n]+#.*$", r"\1", text)
    values: dict[str, str] = {}
    for line in parse_stream(io.StringIO(text)):
        if line.error:
            _refuse_broken(path, line.original.line, line.original.string, names)
        elif line.key and line.value is not None:
            is_literal = re.match(r"[^=]*=\s*'", line.original.string)
            # a key may hold a dollar sign: python-dotenv would put nothing in the place of an unknown name
            values[line.key] = line.value if is_literal else _VARIABLE.sub(lambda one: values.get(one[1], one[0]), line.value)
    found = {name: values[name] for name in names if name in values}
    for name, value in found.items():
        if not _is_text(value):
            raise UsageError(f"{name} in {path.absolute()} is not UTF-8; save the file as UTF-8, or `export` the variable")
    return found


def _refuse_broken(path: Path, number: int, line: str, names: Iterable[str]) -> None:
    for name in names:
        if re.match(rf"\s*(?:export\s+)?['\"]?{re.escape(name)}\b", line):
            raise UsageError(
                f"{path.absolute()}, line {number}: the value of {name} is unreadable: write `{name}=value`, close each quote "
                "that you open"
            )


def _text(content: bytes) -> str:
    try:
        return decode(content)
    except UnicodeDecodeError:
        # a comment in an older encoding keeps nobody from reading the rest
        return content.decode("utf-8", "surrogateescape")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
