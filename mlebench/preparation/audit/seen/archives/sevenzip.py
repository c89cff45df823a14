"""7z archives, by the library of the `formats` extra."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import tempfile
import threading
from collections.abc import Generator, Iterator, Mapping, Set
from queue import Empty, Queue
from typing import IO, TYPE_CHECKING, Any, cast

from mlebench.preparation.audit.seen.archives.member import HEAD, Member, Opener, damage_told
from mlebench.preparation.audit.seen.bounds import HELD, is_bomb
from mlebench.preparation.audit.seen.window import AnyWindow, as_file

if TYPE_CHECKING:
    import py7zr

Found = tuple[int, IO[bytes]]

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".zst")


class SevenZip:
    """A 7z archive in place."""

    in_passes = True

    def __init__(self, window: AnyWindow) -> None:
        """Look at nothing yet."""
        self._window = window

    def entries(self) -> Iterator[tuple[Member, Opener]]:
        """See `Archive`; each content that is asked for costs a pass, the heads of all members one together."""
        with damage_told(), self._opened() as opened:
            members = [_member(entry) for entry in opened.files]
            locked = opened.needs_password()
        for position, member in enumerate(members):
            yield (
                member,
                Opener(functools.partial(self._head, position), functools.partial(self.open, position, 0, member.size)),
            )
        if locked:
            raise OSError("it is encrypted")

    def _head(self, position: int) -> bytes:
        return self._heads.get(position, b"")

    @functools.cached_property
    def _heads(self) -> Mapping[int, bytes]:
        """The first bytes of each member by its position; of one that is damaged, and of those behind it, none."""
        heads: dict[int, bytes] = {}
        with contextlib.suppress(OSError):
            for position, stream in self._wanted(None, HEAD):
                heads[position] = stream.read(HEAD)
        return heads

    def wanted(self, positions: Set[int]) -> Iterator[Found]:
        """See `Archive`."""
        return self._wanted(positions)

    def _wanted(self, positions: Set[int] | None, most: int | None = None) -> Iterator[Found]:
        """Members at positions, or all, each with at most so many of its first bytes."""
        with damage_told(), self._opened() as opened:
            if opened.needs_password():
                raise OSError("it is encrypted")
            members = [_member(entry) for entry in opened.files]
            if is_bomb(sum(member.size for member in members), self._window.size):
                raise OSError("it unpacks to an absurd size")
        places = range(len(members)) if positions is None else sorted(positions)
        names = {members[at].name: at for at in places if at < len(members) and members[at].is_file}
        yield from self._contents(names, most)

    def open(self, position: int, at: int, size: int) -> IO[bytes]:
        """See `Archive`."""
        with contextlib.closing(cast(Generator[Found], self.wanted({position}))) as found:
            for _, stream in found:
                return stream
        raise OSError("the archive ends before this member")

    def window(self, at: int, size: int) -> AnyWindow | None:
        """See `Archive`."""
        return None

    def _opened(self) -> py7zr.SevenZipFile:
        import py7zr

        return py7zr.SevenZipFile(as_file(self._window))

    def _contents(self, names: dict[str, int], most: int | None) -> Iterator[Found]:
        """Members as they come out of the library, which pushes them from a separate thread."""
        ready: Queue[Found | BaseException | None] = Queue(4)
        ended = threading.Event()

        def unpack() -> None:
            try:
                with damage_told(), self._opened() as opened:
                    opened.extract(targets=list(names), factory=_factory(names, most, ready, ended))
                ready.put(None)
            except BaseException as error:
                ready.put(error)

        thread = threading.Thread(target=unpack, name="7z", daemon=True)
        thread.start()
        try:
            while (found := ready.get()) is not None:
                if isinstance(found, BaseException):
                    raise found
                yield found
        finally:
            ended.set()
            while thread.is_alive():
                # it may wait for room
                with contextlib.suppress(Empty):
                    ready.get(timeout=0.01)


def _member(entry: Any) -> Member:
    modified = entry.lastwritetime.totimestamp() if entry.lastwritetime is not None else None
    return Member(
        name=entry.filename,
        size=entry.uncompressed or 0,
        modified=modified,
        mode=entry.posix_mode or 0,
        link="" if entry.is_symlink or entry.is_junction else None,
        at=0,
        is_file=not (entry.is_directory or entry.is_symlink or entry.is_junction or entry.is_socket),
    )


def _factory(names: dict[str, int], most: int | None, ready: Queue[Any], ended: threading.Event) -> Any:
    from py7zr.io import Py7zIO, WriterFactory

    class Sink(Py7zIO):
        """Takes one member and hands it on when it is whole."""

        def __init__(self, position: int | None) -> None:
            self._position = position
            self._content = tempfile.SpooledTemporaryFile(HELD)  # noqa: SIM115  # whoever reads it closes it

        def write(self, content: bytes | bytearray) -> int:
            if ended.is_set():
                raise OSError("nobody wants the rest")
            if self._position is not None:
                kept = len(content) if most is None else max(0, most - self._content.tell())
                self._content.write(content[:kept])
            return len(content)

        def read(self, size: int | None = None) -> bytes:
            return self._content.read(-1 if size is None else size)

        def seek(self, offset: int, whence: int = 0) -> int:
            return self._content.seek(offset, whence)

        def flush(self) -> None:
            self._content.flush()

        def size(self) -> int:
            place = self._content.tell()
            self._content.seek(0, os.SEEK_END)
            end = self._content.tell()
            self._content.seek(place)
            return end

        def close(self) -> None:
            if self._position is not None and not ended.is_set():
                self._content.seek(0)
                ready.put((self._position, io.BufferedReader(cast(io.RawIOBase, self._content))))
                self._position = None

    class Factory(WriterFactory):
        """Makes a sink for each member."""

        def create(self, filename: str) -> Sink:
            return Sink(names.get(filename))

    return Factory()
