"""A container's files as the engine hands them out: what lies at a path, an archive of it, what the agent added."""

from __future__ import annotations

import base64
import contextlib
import json
import stat
import time
from collections.abc import Generator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlebench.sandbox.base import OUTPUT_FOLDERS
from mlebench.sandbox.docker.engine import failures, is_outage, summary
from mlebench.sandbox.docker.outputs import NotHandedOut, PathStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 2**20
_MOST_ASKED = 3
_ANSWER_SECONDS = 30.0
_LONGEST_LIST = 64 * 2**20
"""Bytes of the engine's list of what an agent added that are read: half a million files."""
_DELETED = 2
_KINDS = {1 << 31: stat.S_IFDIR, 1 << 27: stat.S_IFLNK, 1 << 26: stat.S_IFBLK, 1 << 25: stat.S_IFIFO, 1 << 24: stat.S_IFSOCK}
"""Bits of a mode as the engine tells it, and what they mean; a plain file has none of them."""


class ContainerArchive:
    """The files of one container; see `outputs.ArchiveSource`.

    What is said of the agent's files and not of the engine is a `NotHandedOut`: an error to which the engine answers
    with others of the container's files all the same. An engine that is away is told by its own error.
    """

    def __init__(self, client: Any, container_id: str, seconds: float) -> None:
        """Args:
        client: the engine.
        container_id: the container.
        seconds: for which it may all take together; what comes later is not handed out.
        """
        self._api = client.api
        self._id = container_id
        self._end = time.monotonic() + seconds
        self._added: dict[str, list[str]] | None = None

    def status(self, path: str) -> PathStatus | None:
        """What lies at a path, links not followed; None where there is nothing."""
        with self._asking():
            found = self._status(path, self._seconds())
            if found is None:
                self._refuse_gone()
            return found

    def archive(self, path: str) -> Generator[bytes, None, None]:
        """A tar of a file or folder."""
        # docker's own get_archive gives no way to hang up in the middle; and packing zeros keeps an engine busy for minutes
        asked = {"params": {"path": path}, "headers": {"Accept-Encoding": "identity"}}
        with self._asking():
            for _ in range(_MOST_ASKED):
                with self._api.get(self._url("archive"), **asked, stream=True, timeout=self._seconds()) as response:
                    if response.status_code != 404:
                        response.raise_for_status()
                        yield from response.iter_content(_BLOCK)
                        return
                self._refuse_gone()
                # a busy engine may fail to find a file that it has just described
                if self._status(path, self._seconds()) is None:
                    break
            raise FileNotFoundError(path)

    def children(self, path: str) -> list[str]:
        """What the agent added to a folder."""
        if self._added is None:
            with self._asking():
                self._added = self._read_added()
        return self._added.get(path, [])

    def _read_added(self) -> dict[str, list[str]]:
        asked = {"headers": {"Accept-Encoding": "identity"}}
        content = b""
        with self._api.get(self._url("changes"), **asked, stream=True, timeout=self._seconds()) as response:
            response.raise_for_status()
            for block in response.iter_content(_BLOCK):
                content += block
                if len(content) > _LONGEST_LIST:
                    raise NotHandedOut("too many files to list them")
        added: dict[str, list[str]] = {}
        for change in json.loads(content) or []:
            above, _, name = change["Path"].rpartition("/")
            if change.get("Kind") != _DELETED and above.startswith(tuple(f"/home/{folder}" for folder in OUTPUT_FOLDERS)):
                added.setdefault(above, []).append(name)
        return added

    def _status(self, path: str, seconds: float) -> PathStatus | None:
        response = self._api.head(self._url("archive"), params={"path": path}, timeout=seconds)
        told = response.headers.get("X-Docker-Container-Path-Stat")
        # of a link to nowhere some engines say that it is there, and that nothing is
        if response.status_code == 404 and not told:
            return None
        if response.status_code != 404:
            response.raise_for_status()
        return _read_status(told)

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        from requests.exceptions import HTTPError, Timeout

        try:
            yield
        except (FileNotFoundError, NotHandedOut):
            raise
        except failures() as error:
            is_broken = is_outage(error) and not isinstance(error, Timeout) and "timed out" not in str(error).lower()
            if is_broken or not self._answers():
                raise
            refused = _refusal(error) if isinstance(error, HTTPError) else summary(error)
            raise NotHandedOut(f"the engine did not hand it out ({refused})") from error

    def _refuse_gone(self) -> None:
        """An engine gives the same answer for a missing file and for a missing container.

        Raises:
            docker.errors.NotFound: The container was removed.
        """
        self._api.inspect_container(self._id)

    def _answers(self) -> bool:
        """Whether the engine says what lies at a place of this container where the agent can change nothing."""
        from requests.exceptions import Timeout

        with contextlib.suppress(*failures()):
            try:
                return self._status("/home", _ANSWER_SECONDS) is not None
            except Timeout:
                # it may still be walking through the agent's folder, and keeps the container locked meanwhile
                return bool(self._api.ping())
        return False

    def _seconds(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise NotHandedOut("the time for taking out was over")
        return left

    def _url(self, what: str) -> str:
        return f"{self._api.base_url}/v{self._api.api_version}/containers/{self._id}/{what}"


def _read_status(header: str) -> PathStatus:
    """The engine's word on a path, JSON in base64."""
    told = json.loads(base64.b64decode(header or ""))
    kind = next((kind for bit, kind in _KINDS.items() if told["mode"] & bit), stat.S_IFREG)
    whole, _, fraction = told["mtime"].rstrip("Z").partition(".")
    try:
        modified = datetime.fromisoformat(f"{whole[:19]}+00:00").timestamp() + float(
            f"0.{fraction[:9] if fraction.isdigit() else 0}"
        )
    except ValueError:
        modified = 0.0
    return PathStatus(kind | told["mode"] & 0o777, max(0, told["size"]), modified)


def _refusal(error: Any) -> str:
    """What the engine answered instead of what was asked for."""
    try:
        return " ".join(str(error.response.json()["message"]).split())[:300]
    except (ValueError, KeyError, TypeError, OSError):
        # an answer to a HEAD has no text
        return f"error {error.response.status_code}"
