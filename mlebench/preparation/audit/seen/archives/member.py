"""What is common to all kinds of archives: a member, and how its content is reached."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol, cast

from mlebench.data.raw_faults import is_of_the_content
from mlebench.preparation.audit.seen.bounds import is_bomb
from mlebench.preparation.audit.seen.window import PIECE, AnyWindow

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

HEAD = 512
"""Bytes that distinguish an archive from other content."""


@dataclass(slots=True)
class Member:
    """An entry of an archive, as the archive describes it."""

    name: str
    size: int
    modified: float | None = None
    mode: int = 0
    comment: str = ""
    link: str | None = None
    at: int = -1
    """What the archive needs to know to open it again."""
    packed: int = -1
    """Bytes in the archive; -1 where it does not say."""
    is_file: bool = True
    """Whether it is a regular file, and not a folder, a link or a device."""


class Archive(Protocol):
    """An archive whose members are read."""

    in_passes: bool
    """Whether opening a member costs a pass over those before it."""

    def entries(self) -> Iterator[tuple[Member, Opener]]:
        """All entries in order; each can be opened until the next is asked for.

        Raises:
            OSError: it is damaged, after the entries before the damage.
        """

    def wanted(self, positions: Set[int]) -> Iterator[tuple[int, IO[bytes]]]:
        """Contents of entries, in their order and in one pass; each can be read until the next is asked for.

        Raises:
            OSError: it is damaged.
        """

    def open(self, position: int, at: int, size: int) -> IO[bytes]:
        """The content of one entry.

        Args:
            position: place in the order.
            at: `Member.at`.
            size: `Member.size`.

        Raises:
            OSError: it is damaged, encrypted or not packed in a way that is known.
        """

    def window(self, at: int, size: int) -> AnyWindow | None:
        """An entry that is in the archive as it is, as bytes that can be read at any place; None if it is packed."""


@dataclass(slots=True)
class Opener:
    """How the content of the entry at hand is reached."""

    head: Callable[[], bytes]
    """Its first bytes, at most `HEAD`."""
    open: Callable[[], IO[bytes]]


@contextlib.contextmanager
def damage_told() -> Iterator[None]:
    """Whatever a library says about damaged content, as an error of reading.

    Raises:
        OSError: in place of the library's own errors.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        # archive libraries raise anything over damaged headers
        if isinstance(error, ModuleNotFoundError):
            raise OSError(f"the package {error.name} that reads it is not installed") from None
        if not is_of_the_content(error):
            raise
        raise OSError(f"it is damaged ({type(error).__name__}: {error})") from None


def told(file: IO[bytes], packed: int) -> IO[bytes]:
    """A stream whose damage is an error of reading, and that ends at absurd sizes.

    Args:
        file: the stream of a library.
        packed: bytes from which it is unpacked.
    """
    return cast(IO[bytes], io.BufferedReader(_Told(file, packed), PIECE))


class _Told(io.RawIOBase):
    """The stream before it is buffered."""

    def __init__(self, file: IO[bytes], packed: int) -> None:
        self._read = getattr(file, "read1", file.read)
        self._packed = packed
        self._trouble: OSError | None = None
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        if self._trouble is not None:
            raise self._trouble
        try:
            with damage_told():
                found = self._read(len(target))
        except OSError as error:
            if not self._count:
                raise
            # the content before the damage is passed on before the damage is reported
            self._trouble, found = error, b""
        target[: len(found)] = found
        self._count += len(found)
        if is_bomb(self._count, self._packed):
            raise OSError("it unpacks to an absurd size")
        return len(found)
