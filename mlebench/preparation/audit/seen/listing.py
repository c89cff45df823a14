"""Every file that an agent sees, members of archives and of archives inside archives included."""

from __future__ import annotations

import contextlib
import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from grading.printable import printable
from mlebench._support.ahead import worked_ahead
from mlebench.preparation.audit.seen.archives.kind import SMALLEST, could_be_archive, open_archive
from mlebench.preparation.audit.seen.archives.member import HEAD, Archive
from mlebench.preparation.audit.seen.file import BETWEEN, SeenFile
from mlebench.preparation.audit.seen.inside import Budget, Contents, Inside, archives_above
from mlebench.preparation.audit.seen.spooling import Store, beginning, spooled
from mlebench.preparation.audit.seen.walk import plain_files, read_beginning
from mlebench.preparation.audit.seen.window import AnyWindow, as_file, open_window

__all__ = ["BETWEEN", "Seen", "SeenFile"]

_MOST_TROUBLES = 1_000
_LONGEST_TROUBLE = 300
_KEPT = 8 * 2**30
"""Bytes of members that are kept, of archives that can only be read from their beginning."""
_KEPT_EACH = 2**30
_BATCH = 256
_READERS = 4
"""Threads that read plain files ahead, since a disk answers several at once."""


@dataclass
class _Listing:
    files: list[SeenFile] = field(default_factory=list)
    inside: Contents = field(default_factory=Contents)
    archives: dict[str, SeenFile] = field(default_factory=dict)


@dataclass
class _Plan:
    """Which members are wanted of which archives."""

    files: defaultdict[str, dict[int, SeenFile]] = field(default_factory=lambda: defaultdict(dict))
    inner: defaultdict[str, dict[int, SeenFile]] = field(default_factory=lambda: defaultdict(dict))
    """Archives inside an archive, in which there is something wanted."""
    outermost: dict[str, SeenFile] = field(default_factory=dict)


class Seen:
    """A public folder as an agent sees it."""

    def __init__(self, public: Path, *, jobs: int = 1) -> None:
        """Look at nothing yet.

        Args:
            public: the folder.
            jobs: processes or threads that may be used.
        """
        self.public = public
        self.jobs = jobs
        self.found: dict[str, Any] = {}
        """What others found in it and need not look for again, by a name."""
        self._troubles: dict[str, None] = {}
        self._store = Store(_KEPT)

    @property
    def files(self) -> Sequence[SeenFile]:
        """All files, archives themselves included, in the order of paths; members follow their archive in its order."""
        return self._listing.files

    @property
    def archives(self) -> Sequence[SeenFile]:
        """Those of the files that are archives, and could be opened."""
        return list(self._listing.archives.values())

    @property
    def troubles(self) -> Sequence[str]:
        """Archives that could not be opened, members left out at bounds, files that could not be read: a sentence each."""
        # faults are reported while listing
        _ = self._listing
        return list(self._troubles)

    def tell(self, path: str, trouble: object) -> None:
        """Note that something could not be read."""
        if len(self._troubles) < _MOST_TROUBLES:
            reason = (trouble.strerror or str(trouble)) if isinstance(trouble, OSError) else str(trouble)
            self._troubles[printable(f"{path or '.'}: {reason}", _LONGEST_TROUBLE)] = None

    @functools.cached_property
    def _listing(self) -> _Listing:
        found = _Listing()
        budget = Budget()
        plain = sorted(plain_files(self.public, self.tell), key=lambda file: file.path)
        if len(plain) > budget.members:
            self.tell("", f"files beyond the first {budget.members:,} are left out")
            del plain[budget.members :]
        budget.members -= len(plain)
        batches = (plain[start : start + _BATCH] for start in range(0, len(plain), _BATCH))
        looked = worked_ahead(self._archives_among, batches, _READERS if len(plain) > _BATCH else 1)
        archives = {path for among in looked for path in among}
        listed = worked_ahead(
            functools.partial(self._list_archive, budget), (file for file in plain if file.path in archives), max(1, self.jobs)
        )
        for file in plain:
            found.files.append(file)
            if file.path in archives:
                self._take(found, next(listed))
        found.archives = {file.path: file for file in found.files if file.path in found.inside.places}
        return found

    def _archives_among(self, batch: Sequence[SeenFile]) -> list[str]:
        return [file.path for file in batch if self._may_be_archive(file)]

    def _may_be_archive(self, file: SeenFile) -> bool:
        if file.link is not None or file.size < SMALLEST:
            return False
        try:
            return could_be_archive(read_beginning(self.public, file.path, HEAD), file.path)
        except OSError as error:
            self.tell(file.path, error)
            return False

    def _list_archive(self, budget: Budget, file: SeenFile) -> Contents:
        inside = Inside(budget)
        try:
            with open_window(self.public / file.path) as window:
                inside.list(window, file.path)
        except OSError as error:
            inside.found.troubles.append((file.path, error))
        return inside.found

    def _take(self, found: _Listing, contents: Contents) -> None:
        found.files += contents.files
        found.inside.places |= contents.places
        found.inside.in_passes |= contents.in_passes
        for path, trouble in contents.troubles:
            self.tell(path, trouble)

    @contextlib.contextmanager
    def open(self, file: SeenFile) -> Iterator[IO[bytes]]:
        """Its content, read as a stream; archive members other than plain zip entries cost a pass over the archive.

        Raises:
            OSError: it cannot be read, or is damaged.
        """
        with contextlib.ExitStack() as kept:
            if file.archive is None or (stored := self._store.get(_key(file))) is None:
                yield kept.enter_context(self._opened(file))
            else:
                yield as_file(stored)

    @contextlib.contextmanager
    def _opened(self, file: SeenFile) -> Iterator[IO[bytes]]:
        if file.archive is None:
            with open_window(self.public / file.path) as window:
                yield as_file(window)
            return
        with self._archive(file.archive) as archive, archive.open(file.position, self._place(file), file.size) as stream:
            yield stream

    @contextlib.contextmanager
    def window(self, file: SeenFile) -> Iterator[AnyWindow]:
        """Its content, which can be read at any place; what is packed is unpacked for that.

        Raises:
            OSError: it cannot be read, or is damaged.
        """
        with contextlib.ExitStack() as kept:
            window: AnyWindow | None = self._store.get(_key(file)) if file.archive is not None else None
            if window is None and file.archive is None:
                window = kept.enter_context(open_window(self.public / file.path))
            if window is None and file.archive is not None:
                archive = kept.enter_context(self._archive(file.archive))
                window = archive.window(self._place(file), file.size)
                if window is None:
                    stream = kept.enter_context(archive.open(file.position, self._place(file), file.size))
                    window = kept.enter_context(spooled(stream))
            assert window is not None
            yield window

    @contextlib.contextmanager
    def _archive(self, path: str) -> Iterator[Archive]:
        file = self._listing.archives.get(path)
        if file is None:
            raise OSError(f"{path} is not an archive that can be opened")
        with self.window(file) as window:
            if (archive := open_archive(window, file.name)) is None:
                raise OSError(f"{path} has changed")
            yield archive

    def _place(self, file: SeenFile) -> int:
        assert file.archive is not None
        places = self._listing.inside.places.get(file.archive, ())
        if file.position >= len(places):
            # another archive of the same path took its place
            raise OSError("it cannot be reached")
        return places[file.position]

    def place(self, file: SeenFile) -> int | None:
        """Where a plain file (0) or a member of a plain archive begins that is read without a pass; None for other members."""
        if file.archive is None:
            return 0
        above = self._listing.archives.get(file.archive)
        if above is None or above.archive is not None or file.archive in self._listing.inside.in_passes:
            return None
        return self._place(file)

    def contents(self, files: Sequence[SeenFile], most: int) -> Iterator[tuple[SeenFile, bytes]]:
        """The first `most` bytes of each, in whichever order is cheap: one pass over each archive.

        Those that cannot be read are left out, and among the troubles.
        """
        plain = [file for file in files if file.archive is None and file.link is None]
        batches = (plain[start : start + _BATCH] for start in range(0, len(plain), _BATCH))
        for batch in worked_ahead(functools.partial(self._read_batch, most), batches, _READERS if len(plain) > _BATCH else 1):
            yield from batch
        for file, window in self.windows([file for file in files if file.archive is not None], most):
            try:
                content = window.at(0, most)
            except OSError as error:
                self.tell(file.path, error)
                continue
            yield file, content

    def _read_batch(self, most: int, batch: Sequence[SeenFile]) -> list[tuple[SeenFile, bytes]]:
        found = []
        for file in batch:
            try:
                found.append((file, read_beginning(self.public, file.path, most)))
            except OSError as error:
                self.tell(file.path, error)
        return found

    def windows(self, files: Iterable[SeenFile], most: int) -> Iterator[tuple[SeenFile, AnyWindow]]:
        """Each as bytes that can be read at any place until the next is asked for, in whichever order is cheap.

        Args:
            files: which.
            most: bytes that can be read of those that are packed in archives; of others all can.
        """
        plan = _Plan()
        for file in files:
            if file.link is not None:
                continue
            if file.archive is None:
                try:
                    with open_window(self.public / file.path) as window:
                        yield file, window
                except OSError as error:
                    self.tell(file.path, error)
            elif (stored := self._store.get(_key(file))) is not None:
                yield file, stored
            else:
                self._add(plan, file)
        for file in plan.outermost.values():
            try:
                with self._archive(file.path) as archive:
                    yield from self._of_archive(archive, file.path, plan, most)
            except OSError as error:
                self.tell(file.path, error)

    def _add(self, plan: _Plan, file: SeenFile) -> None:
        assert file.archive is not None
        plan.files[file.archive][file.position] = file
        for above in archives_above(file, self._listing.archives):
            if above.archive is None:
                plan.outermost[above.path] = above
            elif above.position in plan.inner[above.archive]:
                return
            else:
                plan.inner[above.archive][above.position] = above

    def _of_archive(self, archive: Archive, path: str, plan: _Plan, most: int) -> Iterator[tuple[SeenFile, AnyWindow]]:
        files, inner = plan.files[path], plan.inner[path]
        for position, open_it in self._reached(archive, path, {**files, **inner}):
            file = inner.get(position) or files[position]
            try:
                with contextlib.ExitStack() as kept:
                    whole = position in inner
                    window = kept.enter_context(self._window_in(archive, file, open_it, most, whole))
                    if position in files:
                        yield files[position], window
                    if whole and (within := open_archive(window, file.name)) is not None:
                        yield from self._of_archive(within, file.path, plan, most)
            except OSError as error:
                self.tell(file.path, error)

    def _reached(self, archive: Archive, path: str, wanted: dict[int, SeenFile]) -> Iterator[tuple[int, IO[bytes] | None]]:
        """Positions with the streams of archives that are read in passes."""
        if archive.in_passes:
            yield from archive.wanted(wanted.keys())
        else:
            yield from ((position, None) for position in sorted(wanted))

    @contextlib.contextmanager
    def _window_in(
        self, archive: Archive, file: SeenFile, stream: IO[bytes] | None, most: int, whole: bool
    ) -> Iterator[AnyWindow]:
        if stream is None and (direct := archive.window(self._place(file), file.size)) is not None:
            yield direct
            return
        with stream or archive.open(file.position, self._place(file), file.size) as opened:
            if not whole:
                yield beginning(opened, file.size, most)
                return
            with spooled(opened) as window:
                yield window

    def keep(self, files: Iterable[SeenFile]) -> None:
        """Unpack those that only a pass reaches, so that opening them is cheap from now on; as many as fit."""
        passes = self._listing.inside.in_passes
        wanted = [
            file
            for file in files
            if file.archive is not None
            and file.size <= _KEPT_EACH
            and (file.archive in passes or any(above.archive in passes for above in archives_above(file, self._listing.archives)))
        ]
        for file, window in self.windows(wanted, _KEPT_EACH):
            try:
                if not self._store.put(_key(file), as_file(window), file.size):
                    self.tell(file.path, "there is no room to keep it unpacked")
            except OSError as error:
                self.tell(file.path, error)


def _key(file: SeenFile) -> str:
    return f"{file.archive}\0{file.position}"
