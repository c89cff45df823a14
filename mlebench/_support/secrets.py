"""Secrets that agents ask for: looked up when a run starts, masked wherever a run's output is written."""

from __future__ import annotations

import base64
import codecs
import html
import io
import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

from mlebench.errors import UsageError

_SHORTEST = 4
"""Shorter values are not masked: every `1` of a log would turn into stars."""
_SHORTEST_PIECE = 8
"""The same for lines of a value and for what base64 makes of it: pieces of few letters stand in other words, too."""
_STARS = b"***"


def find_secrets(names: Iterable[str], env_file: Path | None = None) -> dict[str, str]:
    """Values of the secrets that are set, from the environment or else from `.env` in the working directory.

    Args:
        names: names of environment variables.
        env_file: read instead of `.env`; lines `NAME=value` as python-dotenv reads them: quotes (over several lines,
            too), a leading `export` and comments after a blank are allowed, `${NAME}` stands for itself.

    Returns:
        the values found, by name; names that are set nowhere are left out.

    Raises:
        UsageError: the file is needed and is no text.
    """
    found = {name: os.environ.get(name) for name in names}
    if not all(found.values()):
        written = _read_env_file(env_file or Path(".env"))
        found = {name: value or written.get(name) for name, value in found.items()}
    return {name: value for name, value in found.items() if value}


class Mask:
    """Replaces secret values by stars, in every form in which tools print a value.

    Forms: as it is and without blanks around it, each line of a longer one, escaped as JSON, Python, a shell, HTML or a
    URL writes it, and in base64 wherever it stands within what was encoded. Values of fewer than 4 bytes stay.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _printed_forms(secret)}
        # the longest first: a secret may be the beginning of another
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile(b"|".join(map(re.escape, self._forms)))
        self._held = b""

    def apply(self, text: bytes) -> bytes:
        """`text` with every secret masked."""
        return self._pattern.sub(_STARS, text) if any(form in text for form in self._forms) else text

    def feed(self, block: bytes) -> bytes:
        """The next block of a stream, masked; an end that may be the beginning of a secret is held back for the next."""
        text = self._held + block
        held_from = min((_beginning_at_end(form, text) for form in self._forms), default=len(text))
        pieces, done = [], 0
        if any(form in text for form in self._forms):
            for match in self._pattern.finditer(text):
                if match.start() >= held_from:
                    break
                pieces += [text[done : match.start()], _STARS]
                done = match.end()
        held_from = max(done, held_from)
        pieces.append(text[done:held_from])
        self._held = text[held_from:]
        return b"".join(pieces)

    def finish(self) -> bytes:
        """What was held back: the stream has ended."""
        held, self._held = self._held, b""
        return self.apply(held)


def mask_stream(blocks: Iterable[bytes], secrets: Iterable[str]) -> Iterator[bytes]:
    """Bytes that come in blocks, masked; a secret that a block's end cuts in two is masked as well."""
    mask = Mask(secrets)
    for block in blocks:
        yield mask.feed(block)
    yield mask.finish()


def _beginning_at_end(form: bytes, text: bytes) -> int:
    """Where in `text` a beginning of `form` stands at the very end, but not all of it; the end when it does not."""
    at = text.find(form[:1], max(0, len(text) - len(form) + 1))
    while at >= 0 and not form.startswith(text[at:]):
        at = text.find(form[:1], at + 1)
    return at if at >= 0 else len(text)


def _printed_forms(secret: str) -> set[bytes]:
    bare = secret.strip()
    forms = {form for value in (secret, bare) for form in _escaped_forms(value) if len(form) >= _SHORTEST}
    pieces = {line.strip() for line in bare.splitlines()} if "\n" in bare else set()
    encoded = {form for value in (secret, bare) for form in _base64_forms(_bytes(value))}
    return forms | {piece for piece in {*map(_bytes, pieces), *encoded} if len(piece) >= _SHORTEST_PIECE}


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
    # a variable of the environment may hold bytes that are no UTF-8
    return text.encode("utf-8", "surrogateescape")


def _read_env_file(path: Path) -> dict[str, str]:
    from dotenv import dotenv_values

    try:
        text = _decode(path.read_bytes())
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageError(f"cannot read {path.absolute()}: {error.strerror}; `export` the variables instead") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path.absolute()} is not a text file in UTF-8; save it as one, or `export` the variables") from None
    # python-dotenv takes a comment for the value where there is no value before it
    text = re.sub(r"(?m)^(\s*(?:export\s+)?[\w.-]+\s*=)[^\S\r\n]+#.*$", r"\1", text)
    # a key may hold a dollar sign
    values = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: value for name, value in values.items() if value is not None}


def _decode(content: bytes) -> str:
    """Text of a file that an editor may have begun with a byte order mark (PowerShell writes UTF-16)."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    return content.decode("utf-8-sig")
