"""A container's files, as provided by the engine: the status of a path, an archive of it, and the agent's additions."""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import stat
import time
from collections.abc import Generator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlebench.errors import NotSeen
from mlebench.sandbox.base import OUTPUT_FOLDERS
from mlebench.sandbox.docker.engine import failures, is_outage, summary
from mlebench.sandbox.docker.outputs import NotHandedOut, PathStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 2**20
_MOST_ASKED = 3
_ANSWER_SECONDS = 30.0
_OF_EVERY_IMAGE = "/usr"
"""A folder that no agent may remove."""
_LONGEST_LIST = 64 * 2**20
"""Limit in bytes for the engine's list of an agent's additions: half a million files."""
_DELETED = 2
_KINDS = {1 << 31: stat.S_IFDIR, 1 << 27: stat.S_IFLNK, 1 << 26: stat.S_IFBLK, 1 << 25: stat.S_IFIFO, 1 << 24: stat.S_IFSOCK}
"""Bits of a mode in the engine's notation, and their meaning; a plain file has none of them."""


class ContainerArchive:
    """The files of one container; see `outputs.ArchiveSource`.

    An error caused by the agent's files rather than the engine is a `NotHandedOut`: the engine still provides other files of the
    container. An unreachable engine raises its own error, and one that lost its view of the container a `NotSeen`.
    """

    def __init__(self, client: Any, container_id: str, seconds: float) -> None:
        """Args:
        client: the engine.
        container_id: the container.
        seconds: time limit for all requests together; nothing is provided after that.
        """
        self._api = client.api
        self._id = container_id
        self._end = time.monotonic() + seconds
        self._added: dict[str, list[str]] | None = None

    def status(self, path: str) -> PathStatus | None:
        """The status of a path, without following links; None if it does not exist."""
        with self._asking():
            return self._found(path)

    def archive(self, path: str) -> Generator[bytes, None, None]:
        """A tar of a file or folder."""
        # docker's get_archive cannot be aborted half-way, and packing zeros keeps an engine busy for minutes
        asked = {"params": {"path": path}, "headers": {"Accept-Encoding": "identity"}}
        with self._asking():
            for _ in range(_MOST_ASKED):
                with self._api.get(self._url("archive"), **asked, stream=True, timeout=self._seconds()) as response:
                    if response.status_code != 404:
                        response.raise_for_status()
                        yield from response.iter_content(_BLOCK)
                        return
                if self._found(path) is None:
                    break
            raise FileNotFoundError(path)

    def children(self, path: str) -> list[str]:
        """Names that the agent added to a folder."""
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

    def _found(self, path: str) -> PathStatus | None:
        """As `status`; a busy engine may fail to find a path that exists, and is asked again."""
        for _ in range(_MOST_ASKED):
            found = self._status(path, self._seconds())
            if found is not None:
                return found
        self._refuse_gone()
        # Docker sometimes unmounts its own view of a container that is running, and then finds nothing there
        if self._status(_OF_EVERY_IMAGE, self._seconds()) is None:
            raise NotSeen(errno.EIO, "the engine does not see the container's files")
        return None

    def _status(self, path: str, seconds: float) -> PathStatus | None:
        response = self._api.head(self._url("archive"), params={"path": path}, timeout=seconds)
        told = response.headers.get("X-Docker-Container-Path-Stat")
        # for a dangling link, some engines report both that it exists and that nothing does
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
        except (FileNotFoundError, NotHandedOut, NotSeen):
            raise
        except failures() as error:
            is_broken = is_outage(error) and not isinstance(error, Timeout) and "timed out" not in str(error).lower()
            if is_broken or not self._answers():
                raise
            refused = _refusal(error) if isinstance(error, HTTPError) else summary(error)
            raise NotHandedOut(f"the engine did not provide it ({refused})") from error

    def _refuse_gone(self) -> None:
        """An engine gives the same answer for a missing file and for a missing container.

        Raises:
            docker.errors.NotFound: The container was removed.
        """
        self._api.inspect_container(self._id)

    def _answers(self) -> bool:
        """Whether the engine answers for a path of this container that the agent cannot change."""
        from requests.exceptions import Timeout

        with contextlib.suppress(*failures()):
            try:
                return self._status("/home", _ANSWER_SECONDS) is not None
            except Timeout:
                # it may still be walking through the agent's folder and keep the container locked meanwhile
                return bool(self._api.ping())
        return False

    def _seconds(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise NotHandedOut("the time for extraction was over")
        return left

    def _url(self, what: str) -> str:
        return f"{self._api.base_url}/v{self._api.api_version}/containers/{self._id}/{what}"


def _read_status(header: str) -> PathStatus:
    """The engine's status of a path, JSON in base64."""
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
    """The engine's error message."""
    try:
        return " ".join(str(error.response.json()["message"]).split())[:300]
    except (ValueError, KeyError, TypeError, OSError):
        # an answer to a HEAD request has no text
        return f"error {error.response.status_code}"
