"""What the submission checker writes down of every question that it answers."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlebench._support.ledger import Ledger, broken_line
from mlebench.sandbox import checker as module
from mlebench.sandbox.checker import UPLOADS, Checker, Validate
from mlebench.sandbox.checker_call import CheckerCall
from mlebench.sandbox.upload import Upload
from tests.waiting import wait_until

from .test_checker import Client, at_once, be_patient, connect, form, validate

SECRET = "sk-secret-value-0123456789"


class Run:
    """A run's folder with a checker that can be closed and served again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes: list[str] = []
        self.path = folder / "checker_calls.jsonl"
        self.checkers: list[Checker] = []

    def serve(self, check: Validate = validate, **settings: Any) -> Client:
        address = self.folder / "s.sock"
        usual = {"largest": 100_000, "burst": 1000, "sleep": at_once, "secrets": (SECRET,)}
        ledger = Ledger(self.path, self.notes.append)
        self.checkers.append(Checker(check, address, address.with_suffix(UPLOADS), ledger=ledger, **usual | settings))
        return Client(self.checkers[-1], address)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    @property
    def calls(self) -> list[tuple[Any, ...]]:
        return [(line["outcome"], line["status"], line["valid"]) for line in self.lines]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    be_patient(monkeypatch)
    made = Run(tmp_path)
    yield made
    for checker in made.checkers:
        checker.close()


def test_a_line_holds_the_verdict_and_what_was_asked_about(run: Run) -> None:
    content = b"id,target\n1,0.5\n2,0.25"
    run.serve().check(content)
    [line] = run.lines
    assert {key: line[key] for key in ("outcome", "status", "valid", "message", "sha256", "bytes", "rows", "header")} == {
        "outcome": "checked", "status": 200, "valid": False, "message": f"the file is bad: {len(content)} bytes",
        "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "rows": 2, "header": "id,target",
    }  # fmt: skip
    assert 0 <= line["seconds"] < 60
    assert (line["n"], line["previous"], broken_line(run.lines)) == (1, None, None)


@pytest.mark.parametrize("check", [validate, lambda _: (True, "")])
def test_the_line_stands_before_the_answer_leaves(run: Run, check: Validate) -> None:
    client = run.serve(check)
    for number in range(1, 6):
        client.check(b"x" * number)
        assert len(run.lines) == number


def test_the_line_stands_before_the_step_at_which_the_answer_leaves(run: Run) -> None:
    seen: list[int] = []

    async def sleep(_: float) -> None:
        seen.append(len(run.lines))

    run.serve(sleep=sleep).check(b"good")
    assert seen == [1]


def test_refused_questions_have_lines_as_well(run: Run) -> None:
    client = run.serve(burst=1, every=600)
    client.check(b"good")
    client.check(b"good")
    client.ask("POST", "/validate", b"x" * 100_001)
    client.ask("POST", "/validate", b"x", {"Content-Type": "text/csv"})
    client.ask("POST", "/validate", *form(b"x", field="other"))
    with connect(client.path, b"POST /validate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n") as raw:
        raw.recv(1000)
    statuses = (429, 413, 400, 400, 411)
    assert run.calls == [("checked", 200, True), *(("refused", status, None) for status in statuses)]
    first, second, *others = run.lines
    # what came whole is known, though nobody looked into it
    assert first["sha256"] == second["sha256"]
    assert second["message"].startswith("too many checks; try again in ")
    assert all(line["sha256"] is None and line["rows"] is None for line in others)
    assert broken_line(run.lines) is None


def test_a_question_in_vain_is_on_record_with_its_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHECK_SECONDS", 0.0)
    assert run.serve().check(b"good")[0] == 503
    assert run.calls == [("refused", 503, None)]
    assert run.lines[0]["sha256"] == hashlib.sha256(b"good").hexdigest()


def test_what_is_no_question_about_a_submission_has_no_line(run: Run) -> None:
    client = run.serve()
    for method, target in (("GET", "/health"), ("POST", "/score"), ("GET", "/validate"), ("HEAD", "/health")):
        client.ask(method, target)
    assert run.lines == []


def test_a_check_that_breaks_is_on_record_and_tells_nothing(run: Run) -> None:
    run.serve().check(b"crash")
    assert (run.calls, run.lines[0]["message"]) == ([("checked", 200, False)], "the submission could not be checked")


def test_a_served_again_checker_goes_on_with_the_chain(run: Run) -> None:
    run.serve().check(b"good")
    run.checkers.pop().close()
    with run.path.open("ab") as file:
        file.write(b'{"at":"torn')
    run.serve().check(b"bad")
    assert run.calls == [("checked", 200, True), ("checked", 200, False)]
    assert broken_line(run.lines) is None
    assert run.notes == ["checker_calls.jsonl: the last line was incomplete and is removed"]


@pytest.mark.parametrize("where", ["header", "message"])
def test_no_secret_reaches_a_line(run: Run, where: str) -> None:
    content = f"id,{SECRET}\n1,2\n".encode()
    client = run.serve(lambda path: (False, f"there is no column {SECRET}"))
    _, answer = client.check(content if where == "header" else b"id\n1\n")
    # the agent gets the words that it always got
    assert SECRET in json.loads(answer)["message"]
    assert SECRET not in run.path.read_text() and "***" in run.lines[0][where]


def test_a_secret_at_the_end_of_what_is_looked_at_of_a_line_is_no_secret_in_part(tmp_path: Path) -> None:
    secret = "s" + "0123456789" * 3000
    first = (f"{secret}," * 2).encode() + b"x" * (2**16 - 2 * len(secret) - 22) + secret.encode() + b"\n1\n"
    with (tmp_path / "file").open("wb") as file:
        upload = Upload(file)
        upload.write(first)
    assert upload.header((secret,)).strip("x") == "***,***,"


@pytest.mark.parametrize(
    ("content", "rows", "header"),
    [
        (b"", 0, ""), (b"id", 0, "id"), (b"id\n", 0, "id"), (b"id\r\n1\r\n", 1, "id"), (b"id\n1", 1, "id"), (b"\n\n\n", 2, ""),
        (b"\xef\xbb\xbfid\n1\n2\n", 2, "id"), (b"a\x1bb\0\n", 0, r"a\x1bb\x00"), (b"\xff\xfe\n", 0, "\ufffd\ufffd"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("block", [1, 3, 100])
def test_files_are_measured_whatever_the_blocks(content: bytes, rows: int, header: str, block: int) -> None:
    target = io.BytesIO()
    upload = Upload(target)
    for start in range(0, len(content), block):
        upload.write(memoryview(content)[start : start + block])
    assert (upload.bytes, upload.rows, upload.header(())) == (len(content), rows, header)
    assert (target.getvalue(), upload.sha256) == (content, hashlib.sha256(content).hexdigest())


def test_long_words_and_headers_are_cut(run: Run) -> None:
    run.serve(lambda path: (False, "w" * 5000)).check(b"h" * 90_000)
    [line] = run.lines
    assert (len(line["header"]), len(line["message"])) == (300, 2000)


def test_a_flood_of_refused_questions_waits_before_it_is_written_down(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REFUSALS_AT_ONCE", 3)
    monkeypatch.setattr(module, "_SECONDS_PER_REFUSAL", 3600.0)
    client = run.serve()
    assert [client.ask("POST", "/validate", b"")[0] for _ in range(3)] == [400] * 3
    waiting = [connect(client.path, b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n") for _ in range(20)]
    # who asks properly does not wait with them
    assert client.check(b"good")[0] == 200
    assert run.calls == [("refused", 400, None)] * 3 + [("checked", 200, True)]
    client.checker.close()
    for connection in waiting:
        connection.close()
    assert len(run.lines) == 4


@pytest.mark.parametrize("place", ["a folder", "a pipe", "a link", "removed", "emptied"])
def test_whatever_lies_in_the_ledgers_place_costs_no_answer(run: Run, tmp_path: Path, place: str) -> None:
    import os

    client = run.serve()
    client.check(b"good")
    if place != "emptied":
        run.path.unlink()
    {
        "a folder": lambda: run.path.mkdir(), "a pipe": lambda: os.mkfifo(run.path), "removed": lambda: None,
        "a link": lambda: run.path.symlink_to(tmp_path / "other"), "emptied": lambda: os.truncate(run.path, 0),
    }[place]()  # fmt: skip
    assert client.check(b"bad")[0] == 200
    assert [line["n"] for line in run.lines] == [2]
    assert broken_line(run.lines) == 1
    assert not (tmp_path / "other").exists() and run.notes


def test_who_hangs_up_before_the_verdict_is_on_record_as_well(run: Run) -> None:
    client = run.serve()
    body, headers = form(b"good")
    head = f"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nContent-Type: {headers['Content-Type']}\r\n\r\n"
    connect(client.path, head.encode() + body).close()
    wait_until(lambda: len(run.lines) == 1)
    assert run.calls == [("checked", 200, True)]


ENTRY = {"outcome": "checked", "status": 200, "valid": True}


@pytest.mark.parametrize(
    "entry",
    [
        {}, {**ENTRY, "outcome": "won"}, {**ENTRY, "outcome": ["checked"]}, {**ENTRY, "valid": None}, {**ENTRY, "valid": 1},
        {**ENTRY, "outcome": "refused"},
    ],
)  # fmt: skip
def test_what_is_no_call_is_none(entry: dict[str, Any]) -> None:
    assert CheckerCall.from_entry(entry) is None


def test_a_call_of_anybody_becomes_harmless() -> None:
    odd = {"status": 10**400, "message": "a\x1b[31m\n" + "w" * 9999, "sha256": "0A" * 32, "bytes": -5, "rows": float("nan"),
           "header": 7, "seconds": float("inf")}  # fmt: skip
    call = CheckerCall.from_entry({**ENTRY, **odd})
    assert call is not None
    assert (call.status, call.sha256, call.bytes, call.rows, call.header, call.seconds) == (999, None, 0, None, None, 0.0)
    assert call.message.isprintable() and len(call.message) == 2000
    assert CheckerCall.from_entry(call.to_entry()) == call
