"""Downloads that go on where they stopped, whatever stopped them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support import folders
from mlebench._support.steps import Listener, Step, ignore
from mlebench.errors import RangeRefused
from mlebench.kaggle.partial_file import Identity, PartialFile, partial_file

if TYPE_CHECKING:
    import requests

    from mlebench.kaggle.client import KaggleService
    from mlebench.kaggle.transfer import Transfer
    from mlebench.registry import Competition

_CHUNK = 1 << 18
_TELL_EVERY = 0.2


def archive_path(competition: Competition) -> Path:
    """Where the zip of a competition lies until it is unpacked."""
    return competition.root / f"{competition.id}.zip"


def download(
    competition: Competition, folder: Path, *, force: bool = False, transfer: Transfer | None = None, listener: Listener = ignore
) -> Path:
    """`download_archive` of a competition that this harness knows."""
    return download_archive(competition.id, folder, force=force, transfer=transfer, listener=listener)


def download_archive(
    competition_id: str, folder: Path, *, force: bool = False, transfer: Transfer | None = None, listener: Listener = ignore
) -> Path:
    """Download a competition's zip as `<folder>/<id>.zip`; the name appears when the file is complete.

    Args:
        competition_id: Kaggle's slug.
        folder: made if need be.
        force: download again what is there.
        transfer: patience and bandwidth.
        listener: gets bytes and total.

    Returns:
        The path of the zip.

    Raises:
        UsageError: without credentials, or if the rules are not accepted.
        WorkFailed: if Kaggle does not know the competition, or patience is at its end; what has arrived is kept.
    """
    from mlebench.kaggle.transfer import Transfer

    archive = folder / f"{competition_id}.zip"
    if archive.exists() and not force:
        return archive

    def waiting() -> None:
        listener(Step(competition_id, "waiting for another process that is downloading it"))

    try:
        with partial_file(archive, waiting) as part:
            if archive.exists() and not force:
                return archive
            _Download(competition_id, part, transfer or Transfer(), listener).run()
            return part.finish()
    except OSError as error:
        raise folders.explain(error, "downloading", folder) from None


class _Download:
    """One file, over as many connections as it takes."""

    def __init__(self, competition_id: str, part: PartialFile, transfer: Transfer, listener: Listener) -> None:
        from mlebench.kaggle.patience import Patience

        self._id = competition_id
        self._part = part
        self._limit = transfer.limit
        self._listener = listener
        self._total: int | None = None
        self._told_at = 0.0
        self._patience = Patience(transfer.patience, tell=self._tell)

    def run(self) -> None:
        import requests
        from urllib3.exceptions import HTTPError

        from mlebench.kaggle.client import KaggleService
        from mlebench.kaggle.connection import problem_of

        self._tell("connecting to Kaggle")
        while True:
            try:
                # the token of a login may end before a large download does, so each connection finds its own
                if self._attempt(KaggleService()):
                    return
                problem = "the connection was lost"
            except (requests.RequestException, HTTPError) as error:
                problem = problem_of(error)
            except _Changed:
                problem = "the file has changed"
            except _WebPage:
                problem = "the server returned a web page instead of the zip"
            self._patience.wait_after(problem)

    def _attempt(self, service: KaggleService) -> bool:
        """Fetch what is missing over one connection; whether the file is complete then."""
        known = self._part.identity()
        if known is None:
            self._part.empty()
        offset = len(self._part)
        if known and offset == known.length:
            return True
        with self._open(service, offset, known) as response:
            if response.headers.get("Content-Type", "").startswith("text/html"):
                # of a proxy or a maintenance, with status 200: no reason to drop what is there
                raise _WebPage
            goes_on = known is not None and response.status_code == 206
            found = Identity.of(response.headers, offset if goes_on else 0)
            self._total = found.length
            if known is None or not goes_on:
                # the beginning, or the whole: the server does not know ranges, or the file has changed
                self._part.begin(found)
            elif not found.agrees_with(known) or not _starts_at(response, offset):
                self._part.empty()
                raise _Changed
            return self._receive(response)

    def _open(self, service: KaggleService, offset: int, known: Identity | None) -> requests.Response:
        try:
            return service.open_download(self._id, self._patience, offset=offset, validator=known.validator if known else None)
        except RangeRefused:
            self._part.empty()
            raise _Changed from None

    def _receive(self, response: requests.Response) -> bool:
        self._tell("downloading")
        for chunk in _chunks(response):
            if self._limit:
                self._limit.take(len(chunk))
            self._part.append(chunk)
            self._patience.progressed()
            if time.monotonic() > self._told_at + _TELL_EVERY and len(self._part) != self._total:
                self._tell("downloading")
        self._tell("downloading")
        if self._total is None:
            return True
        if len(self._part) > self._total:
            self._part.empty()
        return len(self._part) == self._total

    def _tell(self, phase: str) -> None:
        self._told_at = time.monotonic()
        self._listener(Step(self._id, phase, len(self._part), self._total))


class _Changed(Exception):
    """The file is no longer what its beginning was downloaded from."""


class _WebPage(Exception):
    """What answers is not the store of files."""


def _starts_at(response: requests.Response, offset: int) -> bool:
    return response.headers.get("Content-Range", f"bytes {offset}-").startswith(f"bytes {offset}-")


def _chunks(response: requests.Response) -> Iterator[bytes]:
    raw: Any = response.raw
    # `read` would drop the bytes that came before a connection broke
    read = getattr(raw, "read1", None) or raw.read
    while chunk := read(_CHUNK, decode_content=False):
        yield chunk
