"""The gateway of a run: who gets what, what it costs, what is written down, and how a run ends by its models."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlebench.gateway.tokens import Tokens
from mlebench.gateway.usage import measured_usage
from mlebench.profiles import Budget
from tests.gateway.provider import KEY, Answer, Gate, Provider
from tests.gateway.served import (
    DIALECTS,
    SECONDS,
    TOKEN,
    Served,
    a_model,
    connected,
    content_of,
    path_of,
    received,
    serving,
    small,
)
from tests.waiting import wait_until

USED = Tokens(input=30, output=12)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_plain_call_passes_and_is_paid_for(served: Served, dialect: str) -> None:
    served.provider.answer = Answer(text="quite so", tokens=USED)
    reply = served.call(dialect)
    assert reply.status == 200 and b"quite so" in reply.body
    (call,) = served.calls
    assert (call["outcome"], call["dialect"], call["model"], call["served"]) == ("answered", dialect, "a-model", "the-model")
    assert (call["tokens"]["input"], call["tokens"]["output"]) == (30, 12)
    assert call["cost_usd"] == pytest.approx(54e-6) and not call["estimated"]
    assert served.gateway.spent.tokens == USED
    (asked,) = served.provider.received
    assert asked.key == KEY and asked.model == "the-model" and TOKEN not in str(asked)
    assert call["request_sha256"] == hashlib.sha256(asked.body).hexdigest()
    assert call["response_sha256"] == hashlib.sha256(reply.body).hexdigest()


def test_an_answer_arrives_byte_for_byte(served: Served) -> None:
    body = b'{"usage": {"prompt_tokens": 3, "completion_tokens":4},\r\n  "choices":[ ]\t, "x": "\\u00e9\xc3\xa9"}\n\n'
    served.provider.answer = Answer(body=body)
    assert served.call().body == body
    assert served.gateway.spent.tokens == Tokens(input=3, output=4)


@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "api-key", "x-goog-api-key"])
def test_the_token_is_taken_in_every_clients_header(served: Served, name: str) -> None:
    value = f"Bearer {TOKEN}" if name == "Authorization" else TOKEN
    assert served.ask("GET", "/v1/models", headers={name: value}, token=None).status == 200
    wrong = served.ask("GET", "/v1/models", headers={name: value + "x"}, token=None)
    assert wrong.status == 401 and "key of this run" in str(wrong.content)


def test_the_token_is_taken_in_geminis_parameter_and_goes_no_further(served: Served) -> None:
    path = path_of("gemini") + f"?key={TOKEN}"
    assert served.ask("POST", path, content_of("gemini"), token=None).status == 200
    assert "key" not in served.provider.received[0].query


def test_the_token_of_another_run_is_worth_nothing(served: Served, tmp_path: Path) -> None:
    with Served(served.provider, tmp_path / "other") as other:
        other.gateway.close()
        other.serve(token="mlebench-token-of-that-run")
        assert other.call().status == 401
        assert served.ask("GET", "/v1/models", token="mlebench-token-of-that-run").status == 401
    assert not served.provider.received and not other.calls


def test_nothing_answers_after_the_end(tmp_path: Path) -> None:
    with Provider() as provider:
        served = Served(provider, tmp_path / "run")
        idle = connected(served.address)
        assert served.call().status == 200
        served.gateway.close()
        assert received(idle) == b""
        with pytest.raises(FileNotFoundError):
            served.call()
        served.gateway.close()


@pytest.mark.parametrize(("method", "path"), [("HEAD", "/"), ("GET", "/"), ("GET", "/health")])
def test_says_that_it_is_there(served: Served, method: str, path: str) -> None:
    assert served.ask(method, path, token=None).status == 200


def test_lists_the_models_of_the_run_alone(served: Served) -> None:
    assert [model["id"] for model in served.ask("GET", "/v1/models").content["data"]] == ["a-model"]
    assert served.ask("GET", "/v1/models/a-model").content["id"] == "a-model"
    assert served.ask("GET", "/v1beta/models/a-model").content["name"] == "models/a-model"
    assert served.ask("GET", "/v1/models/gpt-none").status == 404
    assert not served.provider.received


def test_an_unknown_model_is_named_with_those_that_there_are(served: Served) -> None:
    reply = served.call(model="gpt-none")
    assert reply.status == 404 and "a-model" in str(reply.content)
    assert not served.provider.received
    assert [call["outcome"] for call in served.calls] == ["refused"]


def test_a_dialect_that_the_model_is_not_asked_in_is_refused(tmp_path: Path) -> None:
    with Provider() as provider:
        models = {"a-model": a_model(provider, dialects=("messages",))}
        with Served(provider, tmp_path / "run", models=models) as served:
            reply = served.call("chat")
            assert reply.status == 400 and "messages" in str(reply.content)
            assert served.call("messages").status == 200


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw deflate"])
def test_compressed_requests_are_read(served: Served, coding: str) -> None:
    body = json.dumps(content_of("chat", text="long " * 1000)).encode()
    machine = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": gzip.compress(body),
        "deflate": zlib.compress(body),
        "raw deflate": machine.compress(body) + machine.flush(),
    }
    reply = served.ask("POST", path_of("chat"), packed[coding], {"Content-Encoding": coding.split()[-1]})
    assert reply.status == 200
    assert served.provider.received[0].content["messages"][0]["content"].startswith("long long")


@pytest.mark.parametrize("is_streaming", [False, True])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_compressed_answers_are_measured(served: Served, coding: str, is_streaming: bool) -> None:
    served.provider.answer = Answer(text="quite so", tokens=USED, coding=coding)  # type: ignore[arg-type]
    reply = served.call(is_streaming=is_streaming)
    assert b"so" in reply.body and "content-encoding" not in reply.headers
    assert served.gateway.spent.tokens == USED


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503, 529])
def test_the_providers_refusals_pass_and_cost_nothing(served: Served, status: int) -> None:
    served.provider.answer = Answer(status=status, headers={"Retry-After": "7", "Set-Cookie": "a=b", "X-RateLimit-Reset": "1"})
    reply = served.call()
    assert reply.status == status and reply.headers["retry-after"] == "7" and reply.headers["x-ratelimit-reset"] == "1"
    assert "set-cookie" not in reply.headers
    assert len(served.provider.received) == 1
    (call,) = served.calls
    assert (call["outcome"], call["status"], served.gateway.spent.calls) == ("failed", status, 0)


@pytest.mark.parametrize("is_streaming", [False, True])
@pytest.mark.parametrize("status", [200, 401])
def test_a_key_that_the_provider_echoes_is_masked(served: Served, is_streaming: bool, status: int) -> None:
    served.provider.answer = Answer(status=status, echoes_key=True, headers={"X-Request-Id": KEY})
    reply = served.call(is_streaming=is_streaming)
    hidden = base64.b64encode(KEY.encode())[:20]
    assert reply.status == status and KEY.encode() not in reply.body and KEY not in str(reply.headers)
    served.gateway.close()
    assert KEY.encode() not in served.written and hidden not in served.written


def test_a_key_that_is_cut_by_blocks_of_a_stream_is_masked(served: Served) -> None:
    event = f'data: {{"choices":[{{"delta":{{"content":"{KEY}"}}}}]}}\n\n'.encode()
    at = event.index(KEY.encode()) + 9
    served.provider.answer = Answer(events=(event[:at], event[at:], b"data: [DONE]\n\n"), between=0.01)
    reply = served.call(is_streaming=True)
    assert KEY[:9].encode() not in reply.body and KEY[9:].encode() not in reply.body and b"***" in reply.body


def test_a_repeated_request_gets_the_same_answer_and_costs_nothing(served: Served) -> None:
    first, again = (served.call(headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert first.body == again.body and len(served.provider.received) == 1 and served.gateway.spent.calls == 1
    assert [(call["outcome"], call["retry"]) for call in served.calls] == [("answered", False), ("replayed", True)]
    served.call(headers={"Idempotency-Key": "one"}, max_tokens=7)
    served.call(headers={"Idempotency-Key": "two"})
    assert len(served.provider.received) == 3


def test_a_repeated_request_waits_for_the_first(served: Served) -> None:
    gate = Gate()
    served.provider.answer = Answer(gate=gate)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(served.call, headers={"Idempotency-Key": "one"})
        gate.wait_for()
        again = pool.submit(served.call, headers={"Idempotency-Key": "one"})
        gate.open()
        assert first.result().body == again.result().body
    assert len(served.provider.received) == 1


def test_a_failed_answer_is_not_kept(served: Served) -> None:
    served.provider.script = [Answer(status=500)]
    replies = [served.call(headers={"Idempotency-Key": "one", "x-stainless-retry-count": str(n)}) for n in range(2)]
    assert [reply.status for reply in replies] == [500, 200]
    assert [call["retry"] for call in served.calls] == [False, True]


def test_calls_at_once_share_a_budget(tmp_path: Path) -> None:
    with serving(tmp_path, budget=Budget(calls=50)) as served, ThreadPoolExecutor(200) as pool:
        replies = list(pool.map(lambda _: served.call(), range(200)))
        assert sorted(reply.status for reply in replies) == [200] * 50 + [400] * 150
        assert len(served.provider.billed) == 50
        assert served.gateway.spent.tokens == served.provider.billed_tokens
        refused = [call for call in served.calls if call["outcome"] == "refused"]
        assert len(refused) == 150 and all(call["model"] == "a-model" for call in refused)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_spent_budget_is_said_in_the_dialect_and_ends_the_run_a_little_later(tmp_path: Path, dialect: str) -> None:
    with serving(tmp_path, small(grace_seconds=0.2), budget=Budget(output_tokens=60)) as served:
        served.provider.answer = Answer(tokens=Tokens(input=5, output=50))
        assert served.call(dialect).status == 200
        assert served.gateway.own_end() is None
        refused = served.call(dialect)
        assert refused.status == 400 and "budget" in str(refused.content)
        assert served.gateway.own_end() == "budget-exhausted"
        assert served.woken.wait(SECONDS) and served.gateway.must_end == "budget-exhausted"


def test_spending_goes_on_after_a_harness_was_away(tmp_path: Path) -> None:
    with serving(tmp_path, budget=Budget(calls=2)) as served:
        served.call()
        served.gateway.close()
        served.serve()
        assert served.gateway.spent.calls == 1
        assert [served.call().status for _ in range(2)] == [200, 400]
        calls = served.calls
        assert [call["n"] for call in calls] == [1, 2, 3] and calls[1]["previous"] == calls[0]["hash"]


def test_texts_are_kept_masked_unless_only_usage_is_recorded(tmp_path: Path) -> None:
    for record, kept in (("full", True), ("usage", False)):
        with serving(tmp_path / record, record=record) as served:
            served.provider.answer = Answer(text="quite so")
            served.call(messages=[{"role": "user", "content": f"my token is {TOKEN}"}])
            served.gateway.close()
            assert (b"quite so" in served.written) is kept and (b"my token is ***" in served.written) is kept
            assert TOKEN.encode() not in served.written


def test_a_provider_that_fails_for_longer_than_patience_ends_the_run(tmp_path: Path) -> None:
    with serving(tmp_path, patience=0.0) as served:
        served.provider.answer = Answer(status=503)
        assert served.call().status == 503
        assert served.woken.wait(SECONDS) and served.gateway.must_end == "model-unavailable"


def test_an_agents_own_end_is_its_models_only_if_the_provider_fails_the_gateway_too(served: Served) -> None:
    served.provider.script = [Answer(status=500)]
    served.call()
    assert served.gateway.own_end() is None
    served.provider.answer = Answer(status=500)
    served.call()
    assert served.gateway.own_end() == "model-unavailable"
    assert served.gateway.spent.calls == 0
    # what the gateway asked itself is on record as well, and in nobody's usage
    assert [(call["outcome"], call["status"]) for call in served.calls] == [
        ("failed", 500), ("probe", 200), ("failed", 500), ("probe", 500),
    ]  # fmt: skip
    assert served.calls[1]["cost_usd"] > 0
    usage = measured_usage(served.folder)
    assert (usage["calls"], usage["failed_calls"], list(usage["models"])) == (0, 2, ["a-model"])


def test_no_more_calls_are_asked_at_once_than_may(tmp_path: Path) -> None:
    gate = Gate()
    with serving(tmp_path, small(calls=3)) as served, ThreadPoolExecutor(8) as pool:
        served.provider.answer = Answer(gate=gate)
        replies = [pool.submit(served.call) for _ in range(8)]
        gate.wait_for(3)
        gate.open()
        assert [reply.result().status for reply in replies] == [200] * 8
        assert served.provider.most_at_once <= 3


def test_what_was_taken_out_is_in_the_log(served: Served) -> None:
    tools = [{"type": "web_search_20250305", "name": "web_search"}, {"name": "mine", "input_schema": {"type": "object"}}]
    served.call("messages", tools=tools)
    assert any("web_search" in word for word in served.calls[0]["removed"])
    assert any("web_search" in note for note in served.notes)
    assert len(served.provider.received[0].content["tools"]) == 1


def test_a_limit_that_calls_wait_for_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlebench.gateway.models import SharedLimits

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    gate = Gate()
    with Provider() as provider:
        models = {"a-model": a_model(provider, limits=SharedLimits(calls_at_once=1))}
        with Served(provider, tmp_path / "run", models=models) as served, ThreadPoolExecutor() as pool:
            provider.answer = Answer(gate=gate)
            replies = [pool.submit(served.call) for _ in range(2)]
            gate.wait_for()
            assert "acme" in wait_until(lambda: served.gateway.waiting)
            gate.open()
            assert [reply.result().status for reply in replies] == [200, 200]
            assert served.gateway.waiting is None and provider.most_at_once == 1


def test_many_gateways_share_one_thread_and_leave_none(tmp_path: Path) -> None:
    with Provider() as provider:
        several = [Served(provider, tmp_path / str(number)) for number in range(5)]
        assert [served.call().status for served in several] == [200] * 5
        # the one of an earlier test may be about to end
        wait_until(lambda: sum(thread.name == "models" for thread in threading.enumerate()) == 1)
        for served in several:
            served.gateway.close()
    wait_until(lambda: not any(thread.name == "models" for thread in threading.enumerate()))


def test_an_answer_that_a_request_leaves_open_is_limited_to_what_the_budget_has(tmp_path: Path) -> None:
    with Provider() as provider:
        models = {"a-model": a_model(provider, most_output=100_000)}
        with Served(provider, tmp_path / "run", models=models, budget=Budget(output_tokens=5000)) as served:
            content = {"model": "a-model", "messages": [{"role": "user", "content": "hi"}]}
            assert served.ask("POST", "/v1/chat/completions", content).status == 200
            assert provider.received[0].content["max_completion_tokens"] == 5000
            assert served.calls[0]["limited_to"] == 5000
            assert served.calls[0]["request_sha256"] == hashlib.sha256(provider.received[0].body).hexdigest()
            assert served.call().status == 200
            assert served.calls[1]["limited_to"] is None and provider.received[1].content["max_tokens"] == 50
