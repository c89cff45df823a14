"""The submission checker: an HTTP server of the harness that a running agent may ask whether a submission is valid.

`POST /validate` takes a form with a field `file`, `GET /health` says that the checker is there. The checks are those of
`mlebench validate`, and a valid submission always gets the same answer: no score, no count, nothing that two valid
submissions could differ in. The agent is not trusted: requests are capped in number, size and time, and checks run
one at a time.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import socketserver
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from mlebench._support.quantities import show_size
from mlebench.errors import MalformedForm
from mlebench.sandbox.base import RunRequest
from mlebench.sandbox.form import save_form_file

Validate = Callable[[Path], tuple[bool, str]]
VALID_MESSAGE = "the submission is valid"

_log = logging.getLogger(__name__)
_LONGEST_ANSWER = 4000
_IDLE_SECONDS = 30
_MOST_CONNECTIONS = 16
_MOST_UPLOADS = 2
"""Submissions received at once, each in a temporary file."""


class Rate:
    """A token bucket: `burst` at once, one more every `every` seconds."""

    def __init__(self, burst: int, every: float) -> None:
        self._burst = burst
        self._every = every
        self._tokens = float(burst)
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def take(self) -> float:
        """Take a token.

        Returns:
            0, or the seconds until there is one.
        """
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._at) / self._every)
            self._at = now
            if self._tokens < 1:
                return (1 - self._tokens) * self._every
            self._tokens -= 1
            return 0.0


def serve_checker(request: RunRequest, address: Path) -> Checker | None:
    """The checker of a run, whichever sandbox it is in; None for a run that has none.

    Raises:
        OSError: the address cannot be bound.
    """
    return Checker(request.validate, address, largest_submission(request.public_dir)) if request.validate else None


def largest_submission(public_dir: Path) -> int:
    """Bytes of a request that are accepted: several times the sample, so that no huge table is ever parsed."""
    tables = [path for path in public_dir.glob("*.csv") if "sample" in path.name.lower() or "submission" in path.name.lower()]
    return min(512 * 2**20, max(64 * 2**20, 8 * max((path.stat().st_size for path in tables), default=0)))


class Checker:
    """Serves one run's checker in threads of this process until it is closed."""

    def __init__(self, validate: Validate, address: Path, largest: int, burst: int = 10, every: float = 5.0) -> None:
        """Start serving.

        Args:
            validate: the check itself; valid or not, and why.
            address: the path of a Unix socket.
            largest: bytes of a request that are accepted.
            burst: checks that may come at once.
            every: seconds after which one more may come.

        Raises:
            OSError: the address cannot be bound.
        """
        self.calls = 0
        """Submissions checked so far."""
        self.largest = largest
        self.rate = Rate(burst, every)
        self._validate = validate
        self._address = address
        self._one_at_a_time = threading.Lock()
        self.uploads = threading.BoundedSemaphore(_MOST_UPLOADS)
        self._server = _Server(str(address), type("Handler", (_Handler,), {"checker": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="checker", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and take the socket away."""
        self._server.shutdown()
        self._server.server_close()
        self._address.unlink(missing_ok=True)

    def check(self, submission: Path) -> tuple[bool, str]:
        """Whether one file is valid and why not, in words that tell nothing of the answers."""
        with self._one_at_a_time:
            self.calls += 1
            try:
                valid, message = self._validate(submission)
            except Exception:
                # whatever a submission makes of the checks, the run and the checker go on
                _log.exception("the check of a submission failed")
                return False, "the submission could not be checked"
        return valid, VALID_MESSAGE if valid else message.replace(str(submission), "the file")[:_LONGEST_ANSWER]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "mlebench"
    sys_version = ""
    timeout = _IDLE_SECONDS
    checker: Checker

    def do_GET(self) -> None:
        if self.path.split("?")[0] == "/health":
            self._answer(200, {"status": "running"}, "running")
        else:
            self._refuse(404, "ask `GET /health` or `POST /validate`")

    def do_POST(self) -> None:
        if self.path.split("?")[0] != "/validate":
            self._refuse(404, "ask `GET /health` or `POST /validate`")
            return
        length = self._length()
        if length is None:
            return
        with self.checker.uploads, tempfile.TemporaryDirectory(prefix="mlebench-check-") as folder:
            submission = Path(folder) / "submission.csv"
            try:
                save_form_file(self.rfile, self.headers.get("Content-Type", ""), length, "file", submission)
            except MalformedForm as error:
                self._refuse(400, str(error))
                return
            except TimeoutError:
                self._refuse(408, "the request came too slowly")
                return
            # only what can be checked uses up the rate, so that bad requests keep nobody from asking
            wait = self.checker.rate.take()
            if wait:
                self._refuse(429, f"too many checks; ask again in {wait:.0f} s", {"Retry-After": f"{wait + 0.5:.0f}"})
                return
            valid, message = self.checker.check(submission)
        self._answer(200, {"valid": valid, "message": message}, f"{'valid' if valid else 'not valid'}: {message}")

    def handle_expect_100(self) -> bool:
        # a client that asks first need not send what is too large
        return self._length() is not None and super().handle_expect_100()

    def _length(self) -> int | None:
        text = self.headers.get("Content-Length", "")
        if not text.isdecimal() or len(text) > 15:
            self._refuse(411, "the request has no Content-Length")
        elif int(text) > self.checker.largest:
            self._refuse(413, f"the request is larger than {show_size(self.checker.largest)}")
        else:
            return int(text)
        return None

    def _refuse(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        self.close_connection = True
        self._answer(status, {"error": message}, message, headers)

    def finish(self) -> None:
        """Read what is still being sent: a sender that is cut off would see a broken connection instead of the answer."""
        end = time.monotonic() + _IDLE_SECONDS
        with contextlib.suppress(OSError, ValueError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(1)
            left = 2 * self.checker.largest
            while left > 0 and time.monotonic() < end and (block := self.rfile.read1(2**16)):
                left -= len(block)
        super().finish()

    def _answer(self, status: int, content: dict[str, Any], text: str, headers: dict[str, str] | None = None) -> None:
        plain = "text/plain" in self.headers.get("Accept", "")
        body = (text if plain else json.dumps(content)).encode() + b"\n"
        self.send_response_only(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8" if plain else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        return


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: Any, handler: type[_Handler]) -> None:
        self._free = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        # the rest waits in the kernel's queue
        self._free.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """An agent that hangs up early is no error of ours; all else is said."""
        expected = isinstance(sys.exception(), (ConnectionError, TimeoutError))
        _log.log(logging.DEBUG if expected else logging.ERROR, "a request to the checker broke off", exc_info=True)

    def server_bind(self) -> None:
        path = Path(str(self.server_address))
        # the socket of a harness that was killed
        path.unlink(missing_ok=True)
        super().server_bind()
        # the agent's user in the container is nobody here; the folder around the socket keeps others out
        path.chmod(0o666)

    def get_request(self) -> tuple[Any, Any]:
        request, _ = super().get_request()
        # handlers expect host and port
        return request, ("container", 0)
