"""The texts of a run's calls to models: `transcript/000001.json.gz` and so on, numbered as the lines of the ledger."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from mlebench._support.quantities import show_size
from mlebench._support.secrets import mask_stream

FOLDER = "transcript"
_MOST = 10 * 2**30
_BLOCK = 2**18
"""Masking holds the interpreter for a block, in which the loop of the gateway waits."""
_LEVEL = 3
LARGEST = 256 * 2**20
"""Bytes of one call's file, packed or not; of a larger one nothing is read."""


class CallTexts(NamedTuple):
    """The texts of one call, secrets masked."""

    request: str
    """The body as it was sent to the provider."""
    response: str
    """The body as the agent got it: JSON, or server-sent events."""


def texts_name(n: int) -> str:
    """What the file of the ledger's line `n` is called."""
    return f"{n:06d}.json.gz"


def unpack_texts(content: bytes, most: int = LARGEST) -> CallTexts:
    """What the file of one call holds, whoever wrote it.

    Args:
        content: of the file.
        most: bytes that it may hold.

    Raises:
        ValueError: it holds no texts of a call, is damaged, or holds more.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            text = file.read(most + 1)
        if len(text) > most:
            raise ValueError(f"it holds more than {show_size(most)}")
        kept = json.loads(text)
    except (OSError, EOFError, zlib.error, RecursionError) as error:
        raise ValueError(str(error)) from None
    if not isinstance(kept, dict) or not all(isinstance(kept.get(key), str) for key in CallTexts._fields):
        raise ValueError("it does not hold the texts of a call")
    return CallTexts(kept["request"], kept["response"])


class Transcript:
    """Keeps requests and answers, secrets masked. No fault of the disk or of the folder reaches whoever calls it."""

    def __init__(
        self,
        folder: Path,
        secrets: tuple[str, ...],
        is_on: bool,
        note: Callable[[str], None] = lambda sentence: None,
        most: int = _MOST,
    ) -> None:
        """Args:
        folder: made with the first text.
        secrets: values that are masked in every form in which they are printed.
        is_on: whether texts are kept at all.
        note: gets a sentence where some could not be kept.
        most: bytes of the files together.
        """
        self._folder = folder
        self._secrets = secrets
        self._is_on = is_on
        self._note = note
        self._left = most
        self._most = most
        self._noted: set[str] = set()

    def keep(self, n: int, request: bytes, response: bytes) -> None:
        """Write the texts of one call; slow, so call it in a thread.

        Args:
            n: of the ledger's line.
            request: the body as it was sent to the provider.
            response: the body as the agent got it.
        """
        if not self._is_on:
            return
        try:
            content = self._packed(request, response)
            if len(content) > self._left:
                self._say(f"the texts of further calls are left out of {self._folder.name}/: it has {show_size(self._most)}")
                return
            self._left -= len(content)
            self._write(texts_name(n), content)
        except OSError as error:
            self._say(f"the texts of a call could not be kept in {self._folder.name}/: {error.strerror or error}")

    def _packed(self, request: bytes, response: bytes) -> bytes:
        texts = {"request": self._text(request), "response": self._text(response)}
        packed = io.BytesIO()
        # no time and no name: the same call gives the same bytes
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=_LEVEL, mtime=0, filename="") as file:
            file.write(json.dumps(texts).encode("ascii"))
        return packed.getvalue()

    def _text(self, body: bytes) -> str:
        blocks = (body[start : start + _BLOCK] for start in range(0, len(body), _BLOCK))
        return b"".join(mask_stream(blocks, self._secrets)).decode("utf-8", "backslashreplace")

    def _write(self, name: str, content: bytes) -> None:
        """Into the folder, which an agent of the local sandbox may have replaced by a link to elsewhere."""
        with contextlib.suppress(FileExistsError):
            self._folder.mkdir()
        place = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            partial = f".{name}.{os.getpid()}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with contextlib.suppress(FileNotFoundError):
                os.unlink(partial, dir_fd=place)
            try:
                with os.fdopen(os.open(partial, flags, 0o644, dir_fd=place), "wb") as file:
                    file.write(content)
                os.replace(partial, name, src_dir_fd=place, dst_dir_fd=place)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(partial, dir_fd=place)
                raise
        finally:
            os.close(place)

    def _say(self, sentence: str) -> None:
        if sentence not in self._noted:
            self._noted.add(sentence)
            self._note(sentence)
