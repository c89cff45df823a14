"""Kills a harness with SIGKILL while it answers the checker's and the models' clients, and looks whether a ledger lost anything.

    python -m tests.runs.ledger_kill_trials --trials 50 --seed 1

In each trial a process of its own serves both for one run's folder, four clients ask as fast as they can, and the process is
killed at a random moment; the next one goes on with the same ledgers. The program prints a line per trial with what was wrong,
and ends with 1 when anything was: a chain that is broken, an answer without a line, a line that is there twice.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import http.client
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mlebench._support.ledger import Ledger, all_lines, broken_line
from mlebench.gateway.access import ModelAccess
from mlebench.gateway.gateway import Gateway
from mlebench.runs.ledgers import MOST_BYTES, ledger_path, settle_ledgers
from mlebench.sandbox.checker import UPLOADS, Checker
from tests.gateway.provider import KEY, Answer, Provider, Received
from tests.gateway.served import TOKEN, a_model, content_of, path_of
from tests.sandbox.test_checker import Connection, form
from tests.waiting import wait_until

_MOST_BEFORE_KILL = 60
_STARTING_SECONDS = 120.0


async def _at_once(_: float) -> None:
    """Steps of time would only slow the trials down."""


def serve(folder: Path, port: int) -> None:
    """What a harness serves of one run; never returns.

    Args:
        folder: the run's.
        port: of the provider.
    """
    provider = Provider()
    provider.port = port
    access = ModelAccess(models={"a-model": a_model(provider)}, keys={"KEY": KEY})
    Gateway(access, folder / "m.sock", folder, TOKEN, (), _say, lambda: None)
    address = folder / "c.sock"
    ledger = Ledger(ledger_path(folder, "checker_calls"), _say)
    check = lambda path: (path.read_bytes().startswith(b"good"), "why not")  # noqa: E731
    Checker(check, address, address.with_suffix(UPLOADS), 2**20, burst=10**6, sleep=_at_once, ledger=ledger)
    print("ready", flush=True)
    threading.Event().wait()


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


@dataclass
class Answers:
    """What clients got."""

    checked: list[str] = field(default_factory=list)
    """SHA-256 of each file that got a verdict."""
    refused: list[int] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    """SHA-256 of each body of a model's answer."""

    @property
    def count(self) -> int:
        return len(self.checked) + len(self.refused) + len(self.models)


class Clients:
    """Four threads that ask until nobody answers."""

    def __init__(self, folder: Path, answers: Answers, name: str) -> None:
        self._folder, self._answers, self._name = folder, answers, name
        kinds = [self._check, self._check, self._ask, self._ask]
        self._threads = [threading.Thread(target=self._go, args=(kind, number)) for number, kind in enumerate(kinds)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until they see that nobody answers."""
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a client waits for a process that was killed"

    def _go(self, kind: Callable[[str], None], number: int) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            for question in range(10**9):
                kind(f"{self._name} {number} {question}")

    def _check(self, name: str) -> None:
        if name.endswith("7"):
            status, _ = self._post("c.sock", "/validate", b"no form", {})
            self._answers.refused.append(status)
            return
        content = f"good {name}".encode()
        body, headers = form(content)
        status, _ = self._post("c.sock", "/validate", body, headers)
        assert status == 200, status
        self._answers.checked.append(hashlib.sha256(content).hexdigest())

    def _ask(self, name: str) -> None:
        body = json.dumps(content_of("chat", name)).encode()
        status, answer = self._post("m.sock", path_of("chat"), body, {"Authorization": f"Bearer {TOKEN}"})
        assert status == 200, (status, answer)
        self._answers.models.append(hashlib.sha256(answer).hexdigest())

    def _post(self, socket: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = Connection(self._folder / socket)
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def faults(folder: Path, answers: Answers) -> Iterator[str]:
    """What is wrong with the ledgers, a sentence each; a torn last line alone is not."""
    calls = {}
    for name in ("checker_calls", "model_calls"):
        path = ledger_path(folder, name)
        lines = list(all_lines(path, MOST_BYTES))
        if not path.read_bytes().endswith(b"\n"):
            lines.pop()
        if (place := broken_line(lines)) is not None:
            yield f"{path.name} is broken at line {place} of {len(lines)}"
        calls[name] = [line for line in lines if line is not None]
    checked = [line["sha256"] for line in calls["checker_calls"] if line["outcome"] == "checked"]
    models = [line["response_sha256"] for line in calls["model_calls"] if line["outcome"] == "answered"]
    for what, written, got in (("checks", checked, answers.checked), ("model calls", models, answers.models)):
        known = [digest for digest in written if digest is not None]
        if missing := len(set(got) - set(known)):
            yield f"{missing} of {len(got)} answered {what} have no line"
        if twice := len(known) - len(set(known)):
            yield f"{twice} {what} are there twice"
    refused = sum(line["outcome"] == "refused" for line in calls["checker_calls"])
    if refused < len(answers.refused):
        yield f"{len(answers.refused)} checks were refused, and {refused} are written down"


def reply(received: Received) -> Answer:
    """Another text for each question, so that answers are told apart by their hashes."""
    return Answer(text=f"to {hashlib.sha256(received.body).hexdigest()}")


def trials(folder: Path, count: int, random_source: random.Random) -> Iterator[tuple[int, list[str], int, int]]:
    """Kill and look, again and again in one folder.

    Yields:
        number of the trial, what was wrong, answers so far, bytes of lines that were torn.
    """
    answers = Answers()
    with Provider() as provider:
        provider.answer = reply
        for number in range(count):
            _kill_one(folder, provider.port, answers, f"{number}", random_source)
            torn = 0
            for name in ("checker_calls", "model_calls"):
                content = ledger_path(folder, name).read_bytes()
                torn += len(content) - 1 - content.rfind(b"\n")
            yield number, list(faults(folder, answers)), answers.count, torn
    settle_ledgers(folder, True, _say)
    assert all(ledger_path(folder, name).read_bytes().endswith(b"\n") for name in ("checker_calls", "model_calls"))
    yield count, list(faults(folder, answers)), answers.count, 0


def _kill_one(folder: Path, port: int, answers: Answers, name: str, random_source: random.Random) -> None:
    command = [sys.executable, "-m", "tests.runs.ledger_kill_trials", "--serve", str(folder), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    clients = None
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        enough = answers.count + random_source.randrange(1, _MOST_BEFORE_KILL)
        clients = Clients(folder, answers, name)
        wait_until(lambda: answers.count >= enough, every=0.001, seconds=_STARTING_SECONDS)
        threading.Event().wait(random_source.random() * 0.03)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        if clients is not None:
            clients.join()


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve is not None:
        serve(arguments.serve, arguments.port)
    wrong = torn_lines = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, found, answered, torn in trials(Path(folder), arguments.trials, random.Random(arguments.seed)):
            wrong += bool(found)
            torn_lines += torn > 0
            print(f"{number + 1}: {'; '.join(found) or 'ok'} ({answered} answers, {torn} torn bytes)", flush=True)
    print(f"{wrong} of {arguments.trials} trials found something wrong; {torn_lines} left a torn line")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
