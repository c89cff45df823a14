"""`mlebench_agent.models`: what it tries again, what it gives up, and what it makes of odd answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agents.home import ROOT, calling, failing, saying
from tests.gateway.provider import KEY, Answer, Provider

sys.path.append(str(ROOT / "containers" / "runtime"))

from mlebench_agent.models import BudgetSpent, Models, Refused, TooLong

MESSAGES = [{"role": "user", "content": "hello"}]


class Clock:
    """Time that passes while somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def now(self) -> float:
        return sum(self.slept)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider(KEY) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def models(provider: Provider, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Models:
    monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url("chat"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return Models(sleep=clock.sleep, now=clock.now)


def test_it_asks_in_the_dialect_and_counts(models: Models, provider: Provider) -> None:
    answer = models.ask("some/model", MESSAGES, temperature=0)
    assert (answer.text, answer.reason, answer.input_tokens, answer.output_tokens) == ("done", "stop", 100, 7)
    models.ask("some/model", MESSAGES)
    assert provider.received[0].content == {"model": "some/model", "messages": MESSAGES, "temperature": 0}
    assert models.usage == {"calls": 2, "input_tokens": 200, "output_tokens": 14}


def test_failures_are_tried_again_with_the_same_key(models: Models, provider: Provider, clock: Clock) -> None:
    provider.script = [
        Answer(status=503),
        failing(429, "slow down", headers={"Retry-After": "7"}),
        Answer(dies_at=-1),
        Answer(dies_at=20),
        Answer(raw=b"HTTP/1.1 nonsense\r\n\r\n"),
    ]
    assert models.ask("m", MESSAGES).text == "done"
    assert clock.slept == [2, 7, 8, 16, 32]
    assert len({request.headers["idempotency-key"] for request in provider.received}) == 1
    models.ask("m", MESSAGES)
    assert len({request.headers["idempotency-key"] for request in provider.received}) == 2


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("0.5", 0.5, 0.5),
        ("3600", 60, 60),
        ("inf", 60, 60),
        ("nan", 2, 2),
        ("0", 2, 2),
        ("-5", 2, 2),
        ("soon", 2, 2),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 60, 60),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 2, 2),
    ],
)
def test_what_a_provider_asks_to_wait_is_waited(
    models: Models, provider: Provider, clock: Clock, header: str, least: float, most: float
) -> None:
    provider.script = [failing(429, "slow down", headers={"Retry-After": header})]
    models.ask("m", MESSAGES)
    assert least <= clock.slept[0] <= most


def test_a_provider_that_goes_on_failing_is_given_up_after_a_quarter_of_an_hour(
    models: Models, provider: Provider, clock: Clock
) -> None:
    provider.answer = Answer(status=500)
    with pytest.raises(Refused, match="HTTP 500: the provider answers with 500"):
        models.ask("m", MESSAGES)
    assert 800 < clock.now() <= 900
    assert max(clock.slept) == 60


def test_one_that_asks_for_short_waits_is_not_given_up_sooner(models: Models, provider: Provider, clock: Clock) -> None:
    provider.script = [failing(429, "slow down", headers={"Retry-After": "1"})] * 100
    assert models.ask("m", MESSAGES).text == "done"
    assert clock.slept == [1.0] * 100


def test_the_runs_own_budget_is_told_from_a_providers_quota(models: Models, provider: Provider, clock: Clock) -> None:
    provider.script = [failing(400, "the run's budget for models is spent: 3 of 3 calls are used", "insufficient_quota")]
    with pytest.raises(BudgetSpent, match="3 of 3 calls are used"):
        models.ask("m", MESSAGES)
    provider.script = [failing(400, "You exceeded your current quota, please check your plan.", "insufficient_quota")]
    with pytest.raises(Refused, match="HTTP 400: You exceeded your current quota"):
        models.ask("m", MESSAGES)
    # it may be paid for meanwhile
    provider.script = [failing(429, "You exceeded your current quota, please check your plan.", "insufficient_quota")]
    assert models.ask("m", MESSAGES).text == "done"


def test_the_gateways_words_for_a_spent_budget_are_known() -> None:
    from mlebench_agent import models

    from mlebench.gateway import account

    assert models.SPENT == account._SPENT


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (400, "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.", None),
        (400, "Your input exceeds the limit", "context_length_exceeded"),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", "invalid_request_error"),
        (400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", None),
        (400, "Input length 9000 exceeds the maximum allowed token length 8192", None),
        (400, "Please reduce the length of the messages or completion.", None),
        (413, "Request too large for the model: too many tokens", None),
        (422, "Input is longer than the context window", None),
    ],
)
def test_a_conversation_that_is_too_long_is_told(
    models: Models, provider: Provider, status: int, message: str, code: str | None
) -> None:
    provider.script = [failing(status, message, code)]
    with pytest.raises(TooLong):
        models.ask("m", MESSAGES)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "temperature is not supported with this model"),
        (400, "max_tokens is too large: 100000. This model supports at most 4096 completion tokens"),
        (401, "wrong key"),
        (404, "there is no model `m`"),
    ],
)
def test_other_refusals_are_final(models: Models, provider: Provider, clock: Clock, status: int, message: str) -> None:
    provider.script = [failing(status, message)]
    with pytest.raises(Refused, match=message[:20]) as caught:
        models.ask("m", MESSAGES)
    assert not isinstance(caught.value, TooLong)
    assert (len(provider.received), clock.slept) == (1, [])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe not json",
        b"[" * 100_000,
        b"null",
        b"[]",
        b'"text"',
        b'{"choices": []}',
        b'{"choices": null}',
        b'{"choices": [null]}',
        b'{"choices": [{"message": "text"}]}',
        b'{"error": {"message": "overloaded", "code": 529}}',
    ],
)
def test_what_is_no_answer_is_asked_for_anew(models: Models, provider: Provider, clock: Clock, body: bytes) -> None:
    provider.script = [Answer(body=body)]
    assert models.ask("m", MESSAGES).text == "done"
    # with the old key the gateway would give the same once more
    assert len({request.headers["idempotency-key"] for request in provider.received}) == 2
    provider.answer = Answer(body=body)
    with pytest.raises(Refused, match="the model's answer holds no message"):
        models.ask("m", MESSAGES)
    assert len(provider.received) == 2 + 4


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, (0, 0)),
        ([], (0, 0)),
        ({"prompt_tokens": "many", "completion_tokens": None}, (0, 0)),
        ({"prompt_tokens": -3, "completion_tokens": True}, (0, 0)),
        ({"prompt_tokens": 5, "completion_tokens": 1.5}, (5, 0)),
    ],
)
def test_odd_counts_are_none(models: Models, provider: Provider, usage: Any, expected: tuple[int, int]) -> None:
    provider.script = [saying({"role": "assistant", "content": "yes"}, usage=usage)]
    answer = models.ask("m", MESSAGES)
    assert (answer.input_tokens, answer.output_tokens) == expected
    assert models.usage == {"calls": 1, "input_tokens": expected[0], "output_tokens": expected[1]}


def test_calls_are_read_and_sent_back_in_a_form_that_all_take(models: Models, provider: Provider) -> None:
    signature = {"google": {"thought_signature": "abc"}}
    listed = [
        {
            "id": "a",
            "type": "function",
            "index": 0,
            "function": {"name": "bash", "arguments": '{"command": "a\nb"}'},
            "extra_content": signature,
        },
        {"id": "a", "function": {"name": "bash", "arguments": '{"comm'}},
        {"id": None, "function": {"name": "two words", "arguments": {"x": 1}}},
        {"function": None},
        "nonsense",
    ]
    message = {
        "role": None,
        "content": None,
        "refusal": None,
        "annotations": [],
        "tool_calls": listed,
        "reasoning_content": "I think",
    }
    provider.script = [saying(message, "tool_calls")]
    answer = models.ask("m", MESSAGES)
    assert [(call.name, call.arguments, bool(call.problem)) for call in answer.calls] == [
        ("bash", {"command": "a\nb"}, False),
        ("bash", {}, True),
        ("two words", {"x": 1}, False),
        ("unnamed", {}, False),
    ]
    assert len({call.id for call in answer.calls}) == 4 and answer.calls[0].id == "a"
    assert set(answer.message) == {"role", "content", "tool_calls", "reasoning_content"}
    assert answer.message["role"] == "assistant"
    first, second, third, _ = answer.message["tool_calls"]
    assert first == {
        "id": "a",
        "type": "function",
        "function": {"name": "bash", "arguments": json.dumps({"command": "a\nb"})},
        "extra_content": signature,
    }
    assert second["function"]["arguments"] == "{}"
    assert third["function"] == {"name": "two_words", "arguments": '{"x": 1}'}


@pytest.mark.parametrize("content", [None, "", [], {}, [{"type": "text"}]])
def test_no_message_is_empty(models: Models, provider: Provider, content: Any) -> None:
    provider.script = [saying({"role": "assistant", "content": content, "tool_calls": []})]
    assert models.ask("m", MESSAGES).message == {"role": "assistant", "content": "(nothing)"}


def test_parts_are_one_text(models: Models, provider: Provider) -> None:
    provider.script = [
        saying({"content": [{"type": "thinking", "thinking": []}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]})
    ]
    assert models.ask("m", MESSAGES).text == "ab"
    provider.script = [calling(("bash", {}), content="I look.")]
    assert models.ask("m", MESSAGES).text == "I look."


def test_halves_of_characters_are_no_problem(models: Models, provider: Provider, capsys: pytest.CaptureFixture[str]) -> None:
    provider.script = [Answer(body=b'{"choices": [{"message": "\\ud83d"}]}'), saying({"content": "\ud83d"})]
    answer = models.ask("m", [{"role": "user", "content": "\ud83d"}])
    models.ask("m", [answer.message])
    assert provider.received[-1].content["messages"][0]["content"] == "?"
    provider.script = [calling(("bash", '{"command": "echo \\ud83d ä"}'))]
    models.ask("m", [models.ask("m", MESSAGES).message])
    [call] = provider.received[-1].content["messages"][0]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"command": "echo ? ä"}


def test_it_needs_nothing_but_an_old_python() -> None:
    """Agents of other images bring their own interpreter."""
    import ast

    allowed = sys.stdlib_module_names | {"mlebench_agent", "__future__"}
    for path in Path(ROOT / "containers" / "runtime" / "mlebench_agent").glob("*.py"):
        tree = ast.parse(path.read_text(), feature_version=(3, 9))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
        assert {name.split(".")[0] for name in names} <= allowed, path
