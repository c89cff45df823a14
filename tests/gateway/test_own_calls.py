"""The harness's own calls are made like those of agents: within a budget, with patience, and written down."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlebench._support.ledger import broken_line_of, ledger_lines
from mlebench.errors import Refusal
from mlebench.gateway.access import ModelAccess
from mlebench.gateway.dialects.table import DIALECTS
from mlebench.gateway.own_calls import OwnCalls, Told
from mlebench.gateway.tokens import Tokens
from mlebench.profiles import Budget
from tests.gateway.provider import KEY, Answer, Gate, Provider
from tests.gateway.served import DIALECTS as NAMES
from tests.gateway.served import a_model, content_of
from tests.ports import refusing_port


class Caller:
    """Makes calls one after another."""

    def __init__(self, folder: Path, provider: Provider, **access: Any) -> None:
        self.folder, self.model = folder, a_model(provider)
        self.access = ModelAccess({"a-model": self.model}, {"KEY": KEY}, **access)
        self.usd: float | None = None

    def ask(self, dialect: str = "chat", times: int = 1, fields: tuple[str, ...] = (), **more: Any) -> list[Told]:
        async def made() -> list[Told]:
            async with OwnCalls(self.access, self.folder, "own", pause=0.001) as calls:
                told = []
                for _ in range(times):
                    body: Mapping[str, Any] = content_of(dialect) | more
                    told.append(await calls.ask(self.model, DIALECTS[dialect], body, fields))  # type: ignore[index]
                self.usd = calls.spent.usd
                return told

        return asyncio.run(made())

    @property
    def lines(self) -> list[dict[str, Any]]:
        assert broken_line_of(self.folder / "own_calls.jsonl", 2**30) is None
        return list(ledger_lines(self.folder / "own_calls.jsonl", 2**30))


@pytest.mark.parametrize("dialect", NAMES)
def test_an_answer_is_parsed_paid_for_and_written_down(tmp_path: Path, dialect: str) -> None:
    with Provider(KEY) as provider:
        caller = Caller(tmp_path / "folder", provider)
        [told] = caller.ask(dialect)
    assert told.status == 200 and "done" in str(told.content)
    [line] = caller.lines
    assert (line["outcome"], line["dialect"], line["model"], line["served"]) == ("answered", dialect, "a-model", "the-model")
    assert (line["cost_usd"], caller.usd) == (0.000114, 0.000114)
    assert [path.name for path in (tmp_path / "folder" / "own_transcript").iterdir()] == ["000001.json.gz"]


def test_a_call_that_fails_is_made_again(tmp_path: Path) -> None:
    with Provider(KEY) as provider:
        provider.script = [Answer(status=503), Answer(status=429, headers={"Retry-After": "0"}), Answer(dies_at=-1)]
        caller = Caller(tmp_path, provider)
        [told] = caller.ask()
    assert told.content is not None
    assert [line["outcome"] for line in caller.lines] == ["failed", "failed", "failed", "answered"]


def test_patience_ends(tmp_path: Path) -> None:
    with Provider(KEY) as provider:
        provider.answer = Answer(status=503)
        caller = Caller(tmp_path, provider, patience=0.0)
        [told] = caller.ask()
    assert told == Told(503, None, "provider acme answers with 503: the provider answers with 503")
    assert len(caller.lines) == 1


def test_one_call_that_fails_while_others_are_answered_is_given_up_soon(tmp_path: Path) -> None:
    with Provider(KEY) as provider:
        provider.answer = lambda received: Answer(status=500 if b"bad" in received.body else 200)

        async def made() -> list[Told]:
            async with OwnCalls(caller.access, tmp_path, "own", pause=0.001) as calls:
                bad = asyncio.create_task(calls.ask(caller.model, DIALECTS["chat"], content_of("chat", "bad")))
                while not bad.done():
                    told = await calls.ask(caller.model, DIALECTS["chat"], content_of("chat", "good"))
                assert not calls.is_down(caller.model)
                return [await bad, told]

        caller = Caller(tmp_path, provider)
        bad, good = asyncio.run(made())
    assert (bad.status, good.status) == (500, 200)


def test_a_refused_key_is_not_tried_again(tmp_path: Path) -> None:
    with Provider("another key") as provider:
        [told] = Caller(tmp_path, provider).ask()
        assert told.status == 401 and told.content is None and KEY not in told.reason
        assert len(provider.received) == 1


def test_a_provider_that_is_not_there_is_named(tmp_path: Path) -> None:
    with refusing_port() as port, Provider(KEY) as provider:
        caller = Caller(tmp_path, provider, patience=0.0)
        caller.model = a_model(provider, base_url=f"http://127.0.0.1:{port}/v1")
        [told] = caller.ask()
    assert told == Told(502, None, "provider acme refuses connections")


def test_what_the_provider_does_not_take_is_no_failure(tmp_path: Path) -> None:
    with Provider(KEY) as provider:
        provider.script = [Answer(status=400)]
        told = Caller(tmp_path, provider).ask(times=2)
    assert [one.status for one in told] == [400, 200]


def test_an_answer_that_is_no_json_is_told(tmp_path: Path) -> None:
    with Provider(KEY) as provider:
        provider.answer = Answer(body=b"<html>")
        [told] = Caller(tmp_path, provider).ask()
    assert told == Told(200, None, "the answer of provider acme is not JSON")


def test_the_budget_is_kept(tmp_path: Path) -> None:
    with Provider(KEY) as provider:
        caller = Caller(tmp_path, provider, budget=Budget(calls=2))
        with pytest.raises(Refusal, match="budget for models is spent"):
            caller.ask(times=3)
        assert len(provider.received) == 2
    assert [line["outcome"] for line in caller.lines] == ["answered", "answered", "refused"]


def test_further_keys_of_a_body_pass_where_they_are_named(tmp_path: Path) -> None:
    with Provider(KEY) as provider:
        Caller(tmp_path, provider).ask(fields=("prompt_logprobs",), prompt_logprobs=0)
        assert provider.received[0].content["prompt_logprobs"] == 0
        assert provider.billed == [("the-model", Tokens(input=100, output=7))]


def test_a_call_that_is_given_up_is_settled_and_written_down(tmp_path: Path) -> None:
    gate = Gate()
    with Provider(KEY) as provider:
        provider.answer = Answer(gate=gate)
        caller = Caller(tmp_path, provider)

        async def made() -> None:
            async with OwnCalls(caller.access, tmp_path, "own") as calls:
                task = asyncio.create_task(calls.ask(caller.model, DIALECTS["chat"], content_of("chat")))
                await asyncio.to_thread(gate.wait_for)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

        asyncio.run(made())
        gate.open()
    [line] = caller.lines
    assert (line["outcome"], line["status"], line["estimated"]) == ("answered", 499, True)
    assert line["tokens"]["input"] > 0
