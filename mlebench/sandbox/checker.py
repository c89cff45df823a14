"""The submission checker: an HTTP server in the harness that reports to a running agent whether a submission is valid.

`POST /validate` takes a form with a field `file`, `GET /health` confirms that the checker is running. The checks are those of
`mlebench validate`, and a valid submission always gets the same answer: no score, no count, nothing that could differ between two
valid submissions. The agent is not trusted: requests are limited in number, size and time, checks run one at a time, and their
answers are sent at fixed time steps, so that the duration of a check reveals next to nothing. A request refused before its check
has touched neither the competition nor its answers, so refusals are sent at once, unless there is a flood of them.

Every answered request about a submission, including a refused one, has a line in the run's ledger before the answer is sent; see
`CheckerCall`.

One thread serves the checkers of all runs of this process and never blocks; each check has a separate thread, which is abandoned
once the checker is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import json
import logging
import shutil
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grading.printable import printable
from mlebench._support.ledger import Ledger
from mlebench._support.loop_thread import LoopThread
from mlebench._support.quantities import show_size
from mlebench._support.rate import Rate
from mlebench._support.secrets import Mask
from mlebench._support.unix_socket import listen_at
from mlebench.errors import MalformedForm
from mlebench.sandbox.base import RunRequest
from mlebench.sandbox.checker_call import LEDGER, CheckerCall, CheckOutcome
from mlebench.sandbox.upload import Upload

if TYPE_CHECKING:
    from mlebench.sandbox.http_exchange import Exchange

Validate = Callable[[Path], tuple[bool, str]]
Sleep = Callable[[float], Awaitable[None]]
VALID_MESSAGE = "the submission is valid"

FIRST_STEP = 0.5
"""Seconds from the end of an upload to the first time step at which its answer may be sent; each further step is twice as late.
Nearly every check is done by the first, and one that takes 20 s reveals only that it took between 16 and 32."""

UPLOADS = ".uploads"
"""Suffix of the checker's folder next to its socket."""

_log = logging.getLogger(__name__)
_thread = LoopThread("checkers")
_NOT_CHECKED = "the submission could not be checked"
_LONGEST_ANSWER = 4000
_MOST_CONNECTIONS = 64
_MOST_UPLOADS = 2
"""Submissions received at once, each in a temporary file."""
_REQUESTS_AT_ONCE, _SECONDS_PER_REQUEST = 500, 0.01
"""Rate of requests of any kind; excess ones wait in the kernel's queue at no cost."""
_REFUSALS_AT_ONCE, _SECONDS_PER_REFUSAL = 10_000, 1.0
"""Refusals sent without a delay; limited because each has a line in the ledger."""
_BYTES_AT_ONCE, _SECONDS_PER_BYTE = 2**26, 2**-24
_SMALL_BODY = 2**16
"""A larger body counts as a check before it is read, valid or not; the request rate bounds the cost of smaller ones."""
_CHECK_SECONDS = 600.0
_CLOSE_SECONDS = 5.0
_STARTING_SECONDS = 600.0


def serve_checker(request: RunRequest, address: Path, uploads: Path, note: Callable[[str], None]) -> Checker | None:
    """The checker of a run in any sandbox; None for a run without one.

    Args:
        request: the run.
        address: the path of a Unix socket.
        uploads: a folder for the checker, out of the agent's reach; see `Checker`.
        note: receives a sentence for the run's log.

    Raises:
        OSError: the address cannot be bound.
    """
    if request.validate is None:
        return None
    words = {str(request.public_dir): "the public data"}
    if request.obfuscated:
        words[request.competition_id] = "the competition"
    largest = largest_submission(request.public_dir)
    ledger = Ledger(request.run_dir / f"{LEDGER}.jsonl", note, request.whose)
    try:
        return Checker(request.validate, address, uploads, largest, words=words, ledger=ledger, secrets=request.secrets)
    except BaseException:
        ledger.close()
        raise


def largest_submission(public_dir: Path) -> int:
    """Largest accepted request in bytes: several times the sample submission, so that no huge table is ever parsed."""
    tables = [path for path in public_dir.glob("*.csv") if "sample" in path.name.lower() or "submission" in path.name.lower()]
    return min(512 * 2**20, max(64 * 2**20, 8 * max((path.stat().st_size for path in tables), default=0)))


def sweep_sockets(folder: Path) -> None:
    """Remove the sockets and folders of checkers whose harness was killed; a live one answers at its socket.

    A run whose agent outlived its harness loses nothing: the harness that continues it creates its socket anew.
    """
    for address in folder.glob("*.sock"):
        with contextlib.suppress(OSError):
            # a checker about to listen does not answer yet
            if time.time() - address.lstat().st_mtime > _STARTING_SECONDS and not _is_served(address):
                address.unlink()
    for uploads in folder.glob(f"*{UPLOADS}"):
        with contextlib.suppress(OSError):
            if time.time() - uploads.lstat().st_mtime > _STARTING_SECONDS and not uploads.with_suffix(".sock").exists():
                shutil.rmtree(uploads, ignore_errors=True)


def seconds_to_step(elapsed: float) -> float:
    """Seconds until the next time step at which an answer may be sent, `elapsed` seconds after its upload was complete."""
    step = FIRST_STEP
    while step < elapsed:
        step *= 2
    return step - elapsed


@dataclass
class _Question:
    """A request about a submission, as far as received."""

    upload: Upload | None = None
    """None until the file is complete."""
    complete: float = 0.0
    """When it was complete, on the checker's clock."""
    seconds: float = 0.0
    """Seconds from then until the verdict."""


class Checker:
    """Serves one run's checker until it is closed."""

    def __init__(
        self,
        validate: Validate,
        address: Path,
        uploads: Path,
        largest: int,
        burst: int = 10,
        every: float = 5.0,
        words: dict[str, str] | None = None,
        ledger: Ledger | None = None,
        secrets: tuple[str, ...] = (),
        now: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Start serving.

        Args:
            validate: the check itself; valid or not, and why. address: the path of a Unix socket. uploads: a folder for files
            being checked; emptied now, as a killed harness may leave some, and removed by `close`. largest: largest accepted
            request in bytes. burst: number of checks allowed at once. every: seconds after which one more is allowed. words:
            replacements for words in answers that the agent must not read. ledger: receives a line for each answered request;
            closed by `close`. secrets: values that are masked in those lines. now: the clock for the time steps of answers, in
            seconds. sleep: waits for them.

        Raises:
            OSError: the address cannot be bound.
        """
        self.calls = 0
        """Submissions checked so far."""
        self._validate = validate
        self._address = address
        self._uploads = uploads
        self._largest = largest
        self._words = words or {}
        self._ledger = ledger
        self._secrets = secrets
        self._mask = Mask(secrets)
        self._now, self._sleep = now, sleep
        self._checks = Rate(burst, every)
        self._requests = Rate(_REQUESTS_AT_ONCE, _SECONDS_PER_REQUEST)
        self._refusals = Rate(_REFUSALS_AT_ONCE, _SECONDS_PER_REFUSAL)
        self._bytes = Rate(_BYTES_AT_ONCE, _SECONDS_PER_BYTE)
        self._numbers = itertools.count()
        self._is_closed = False
        _make_empty(uploads)
        self._socket = listen_at(address)
        self._connections = asyncio.Semaphore(_MOST_CONNECTIONS)
        self._receiving = asyncio.Semaphore(_MOST_UPLOADS)
        self._turn = asyncio.Semaphore(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = _thread.join()
        self._loop.call_soon_threadsafe(self._begin, self._serve())

    def close(self) -> None:
        """Cut every connection and remove the socket; returns at once, whatever clients or a check are doing."""
        if self._is_closed:
            return
        self._is_closed = True
        cut = threading.Event()
        self._loop.call_soon_threadsafe(self._cut, cut)
        if not cut.wait(_CLOSE_SECONDS):
            _log.error("the checker at %s did not close in time", self._address)
        _thread.leave()
        self._address.unlink(missing_ok=True)
        shutil.rmtree(self._uploads, ignore_errors=True)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _cut(self, cut: threading.Event) -> None:
        """Runs in the loop: end every task, and with it its connection."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()

        async def finish() -> None:
            await asyncio.gather(*tasks, return_exceptions=True)
            self._socket.close()
            if self._ledger is not None:
                self._ledger.close()
            cut.set()

        self._last = self._loop.create_task(finish())

    async def _serve(self) -> None:
        while True:
            # one at a time and at a limited rate, so that a flood waits in the kernel
            await self._connections.acquire()
            await self._requests.wait_for()
            try:
                connection, _ = await self._loop.sock_accept(self._socket)
            except OSError:
                # no descriptor is free; clients keep waiting in the queue
                _log.exception("the checker cannot accept a connection")
                self._connections.release()
                await asyncio.sleep(1)
                continue
            self._begin(self._attend(connection))

    async def _attend(self, connection: socket.socket) -> None:
        from mlebench.sandbox.http_exchange import Exchange, Refused

        exchange = Exchange(connection, self._bytes)
        try:
            # an agent that hangs up or stalls is not our error
            with contextlib.suppress(OSError, TimeoutError):
                try:
                    if not await exchange.read_head():
                        return
                    status, content, text = await self._respond(exchange)
                except Refused as refused:
                    await _answer(exchange, refused.status, {"error": str(refused)}, str(refused), refused.headers)
                except MalformedForm as error:
                    await _answer(exchange, 400, {"error": str(error)}, str(error))
                else:
                    await _answer(exchange, status, content, text)
                await exchange.linger()
        except Exception:
            _log.exception("a request to the checker failed")
        finally:
            exchange.close()
            self._connections.release()

    async def _respond(self, exchange: Exchange) -> tuple[int, dict[str, Any], str]:
        from mlebench.sandbox.http_exchange import Refused

        if (exchange.method, exchange.path) == ("GET", "/health"):
            return 200, {"status": "running"}, "running"
        if (exchange.method, exchange.path) != ("POST", "/validate"):
            raise Refused(405 if exchange.path in ("/health", "/validate") else 404, "ask `GET /health` or `POST /validate`")
        question = _Question()
        try:
            valid, message = await self._verdict(exchange, question)
        except (Refused, MalformedForm) as refusal:
            # before the line is written, so that a flood of lines cannot fill the disk
            await self._refusals.wait_for()
            self._note("refused", refusal.status if isinstance(refusal, Refused) else 400, str(refusal), question)
            raise
        self._note("checked", 200, message, question, valid)
        await self._sleep(seconds_to_step(self._now() - question.complete))
        return 200, {"valid": valid, "message": message}, f"{'valid' if valid else 'not valid'}: {message}"

    async def _verdict(self, exchange: Exchange, question: _Question) -> tuple[bool, str]:
        """Receive a submission and check it; `question` holds what is known about it, even on failure."""
        from mlebench.sandbox.http_exchange import Refused

        length = exchange.length()
        if length > self._largest:
            raise Refused(413, f"the request is larger than {show_size(self._largest)}")
        if length > _SMALL_BODY:
            self._take_check()
        submission = self._uploads / str(next(self._numbers)) / "submission.csv"
        submission.parent.mkdir()
        try:
            async with self._receiving:
                question.upload = await _save(exchange, submission)
                question.complete = self._now()
                if length <= _SMALL_BODY:
                    self._take_check()
            valid, message = await self._checked(submission)
            question.seconds = self._now() - question.complete
            return valid, message
        finally:
            shutil.rmtree(submission.parent, ignore_errors=True)

    def _note(self, outcome: CheckOutcome, status: int, message: str, question: _Question, valid: bool | None = None) -> None:
        """Record a request whose answer is about to be sent."""
        if self._ledger is None:
            return
        call = CheckerCall(outcome, status, valid, self._mask.apply_to_text(printable(message, None)))
        if (upload := question.upload) is not None:
            header = upload.header(self._secrets)
            call = replace(
                call, sha256=upload.sha256, bytes=upload.bytes, rows=upload.rows, header=header, seconds=question.seconds
            )
        self._ledger.append(call.to_entry())

    def _take_check(self) -> None:
        from mlebench.sandbox.http_exchange import Refused

        if wait := self._checks.take():
            raise Refused(429, f"too many checks; try again in {wait + 0.5:.0f} s", {"Retry-After": f"{wait + 0.5:.0f}"})

    async def _checked(self, submission: Path) -> tuple[bool, str]:
        """Whether a file is valid and why not, in words that reveal nothing about the answers."""
        from mlebench.sandbox.http_exchange import Refused

        done: asyncio.Future[tuple[bool, str]] = self._loop.create_future()

        def end(result: tuple[bool, str]) -> None:
            self._turn.release()
            if not done.done():
                done.set_result(result)

        def work() -> None:
            result = self._check(submission)
            # the loop may be gone
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(end, result)

        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                await self._turn.acquire()
                self.calls += 1
                # not a thread pool, as the interpreter would wait for it on exit
                threading.Thread(target=work, name="check of a submission", daemon=True).start()
                return await done
        except TimeoutError:
            raise Refused(503, f"{_NOT_CHECKED} in time; try again later") from None

    def _check(self, submission: Path) -> tuple[bool, str]:
        try:
            valid, message = self._validate(submission)
        except Exception:
            # whatever a submission does to the checks, the run and the checker continue
            if not self._is_closed:
                _log.exception("the check of a submission failed")
            return False, _NOT_CHECKED
        if valid:
            return True, VALID_MESSAGE
        for word, instead in ((str(submission), "the file"), *self._words.items()):
            message = message.replace(word, instead)
        return False, message[:_LONGEST_ANSWER]


async def _save(exchange: Exchange, target: Path) -> Upload:
    """Write the file of a request's form to disk as it arrives; returns its description once it is complete."""
    from mlebench.sandbox.form import FormFile

    with target.open("wb") as file:
        upload = Upload(file)
        form = FormFile(exchange.headers.get("content-type", ""), "file", upload)

        def take(block: bytes) -> bool:
            form.feed(block)
            return not form.is_complete

        await exchange.read_body(take)
        form.finish()
    return upload


async def _answer(
    exchange: Exchange, status: int, content: dict[str, Any], text: str, headers: Mapping[str, str] | None = None
) -> None:
    plain = "text/plain" in exchange.headers.get("accept", "")
    body = (text if plain else json.dumps(content)).encode("utf-8", "backslashreplace") + b"\n"
    kind = "text/plain; charset=utf-8" if plain else "application/json"
    await exchange.answer(status, body, {"Content-Type": kind, **(headers or {})})


def _is_served(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as asking:
        # a full queue also means that it is alive
        asking.setblocking(False)
        return asking.connect_ex(str(address)) not in (errno.ECONNREFUSED, errno.ENOENT)


def _make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
