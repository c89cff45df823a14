"""What was used is what the ledger says, within bounds whoever wrote it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mlebench._support.files import parse_own_json
from mlebench._support.ledger import Ledger
from mlebench.gateway import usage as module
from mlebench.gateway.account import cost_of
from mlebench.gateway.model_call import ModelCall
from mlebench.gateway.models import Prices
from mlebench.gateway.tokens import Tokens
from mlebench.gateway.usage import measured_usage, spending_over_time
from tests.gateway.models import make_model, tokens

EMPTY = {
    **dict.fromkeys(("calls", "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens"), 0),
    **{"failed_calls": 0, "refused_calls": 0, "cost_usd": 0.0},
}


def write(run_dir: Path, *calls: ModelCall) -> Ledger:
    ledger = Ledger(run_dir / "model_calls.jsonl")
    for call in calls:
        ledger.append(call.to_entry())
    ledger.close()
    return ledger


def answered(used: Tokens, cost: float | None = None, model: str = "small", **others: Any) -> ModelCall:
    return ModelCall("answered", 200, tokens=used, cost_usd=cost, model=model, served=f"{model}-1", **others)


def test_a_call_is_read_as_it_was_written() -> None:
    call = ModelCall(
        outcome="answered",
        status=200,
        dialect="chat",
        model="small",
        served="small-1",
        provider="local",
        tokens=Tokens(input=100, cached=50, cache_write=20, long_cache_write=10, output=7, reasoning=3),
        cost_usd=0.25,
        estimated=True,
        seconds=2.5,
        first_byte_seconds=0.5,
        removed=("tool web_search", "header x-odd"),
        retry=True,
        reason="hung up",
        request_sha256="a" * 64,
        response_sha256="b" * 64,
    )
    assert ModelCall.from_entry(json.loads(json.dumps(call.to_entry()))) == call


def test_calls_are_summed_in_all_and_by_model(tmp_path: Path) -> None:
    write(
        tmp_path,
        answered(Tokens(input=100, cached=40, cache_write=10, output=7, reasoning=2), 0.1),
        answered(tokens(50, 1), 0.2, "large"),
        answered(tokens(1, 1), 0.3),
        ModelCall("failed", 529, model="small", served="small-1", tokens=tokens(9, 9), cost_usd=1.0),
        ModelCall("refused", 400, model="small"),
        ModelCall("refused", 401),
        ModelCall("refused", 404, model="made-up"),
        ModelCall("replayed", 200, model="small", tokens=tokens(9, 9), cost_usd=1.0),
        answered(tokens(9, 0), None, action="count"),
    )
    small = {"calls": 2, "input_tokens": 101, "cached_tokens": 40, "cache_write_tokens": 10, "output_tokens": 8}
    small |= {"reasoning_tokens": 2, "failed_calls": 1, "refused_calls": 1, "cost_usd": 0.4}
    large = {**EMPTY, "calls": 1, "input_tokens": 50, "output_tokens": 1, "cost_usd": 0.2}
    usage = measured_usage(tmp_path)
    assert usage.pop("models") == {"large": large, "small": small}
    # 0.1 + 0.2 + 0.3 is more than 0.6 in binary numbers
    assert usage == {**small, "calls": 3, "input_tokens": 151, "output_tokens": 9, "refused_calls": 3, "cost_usd": 0.6}


def test_a_cost_is_unknown_once_one_is(tmp_path: Path) -> None:
    write(tmp_path, answered(tokens(1, 1), 0.5), answered(tokens(1, 1), None, "free"))
    usage = measured_usage(tmp_path)
    assert (usage["cost_usd"], usage["models"]["small"]["cost_usd"], usage["models"]["free"]["cost_usd"]) == (None, 0.5, None)


def test_the_total_is_that_of_the_provider(tmp_path: Path) -> None:
    model = make_model(prices=Prices(input=0.15, cached_input=0.075, output=0.6))
    calls = [Tokens(input=1000 + number, cached=number, output=number % 7) for number in range(1000)]
    write(tmp_path, *(answered(used, cost_of(model, used)) for used in calls))
    # in millionths of a thousandth of a dollar, whole numbers all the way
    exact = sum(150 * (used.input - used.cached) + 75 * used.cached + 600 * used.output for used in calls)
    assert measured_usage(tmp_path)["cost_usd"] == exact / 10**9


def test_a_run_without_a_ledger_has_no_usage(tmp_path: Path) -> None:
    assert (measured_usage(tmp_path), spending_over_time(tmp_path)) == ({}, [])


def test_spending_over_time_goes_up_in_the_order_of_time(tmp_path: Path) -> None:
    lines = [
        {**answered(tokens(10, 2), 0.2).to_entry(), "at": "2026-11-29T02:00:30+00:00"},
        {**answered(tokens(10, 1), 0.1).to_entry(), "at": "2026-11-29T02:00:00+00:00"},
        {**ModelCall("failed", 500).to_entry(), "at": "2026-11-29T02:00:10+00:00"},
        {**answered(tokens(5, 5), None).to_entry(), "at": "2026-11-29T03:01:00+01:00"},
        {**answered(tokens(5, 5), 9.0).to_entry(), "at": "yesterday"},
        {**answered(tokens(5, 5), 9.0).to_entry(), "at": None},
    ]
    (tmp_path / "model_calls.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    start = 1795917600.0
    assert spending_over_time(tmp_path) == [(start, 0.1, 10, 1, 1), (start + 30, 0.3, 20, 3, 2), (start + 60, None, 25, 8, 3)]


@pytest.mark.parametrize(
    "odd",
    [
        {"tokens": {"input": 10**30, "output": -5, "cached": "x", "reasoning": True}},
        {"tokens": {"input": 1e308}, "cost_usd": 1e308},
        {"tokens": [1, 2], "cost_usd": "1"},
        {"tokens": None, "cost_usd": float("inf")},
        {"model": "x" * 10**5, "provider": "\x1b[31m", "removed": ["y" * 500] * 1000},
        {"model": ["x"], "removed": {"a": 1}, "status": "200", "seconds": float("nan")},
        {"status": 10**400, "at": "9" * 1000},
    ],
    ids=range(7),
)
def test_numbers_and_names_that_somebody_made_up_are_bounded(tmp_path: Path, odd: dict[str, Any]) -> None:
    lines = [{**answered(tokens(1, 1), 0.5).to_entry(), "at": "2026-11-29T02:00:30+00:00"} for _ in range(2)]
    lines.append({**lines[0], **odd})
    (tmp_path / "model_calls.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    usage = measured_usage(tmp_path)
    assert parse_own_json(json.dumps(usage).encode()) == usage
    assert usage["calls"] == 3
    assert len(json.dumps(usage)) < 5000
    assert json.dumps(usage).isprintable()
    spending_over_time(tmp_path)


def test_sums_stay_numbers_that_any_reader_takes(tmp_path: Path) -> None:
    line = json.dumps(answered(tokens(10**12, 10**12)).to_entry()) + "\n"
    (tmp_path / "model_calls.jsonl").write_text(line * 20_000)
    assert measured_usage(tmp_path)["input_tokens"] == 2**53 - 1


def test_models_are_few(tmp_path: Path) -> None:
    write(tmp_path, *(answered(tokens(1, 1), 0.1, f"model-{number}") for number in range(300)))
    usage = measured_usage(tmp_path)
    assert len(usage["models"]) == 101
    assert usage["models"]["other models"]["calls"] == 200
    assert usage["cost_usd"] == 30


def test_names_that_an_agent_makes_up_hide_no_model(tmp_path: Path) -> None:
    made_up = (ModelCall("refused", 404, model=f"made-up-{number}") for number in range(3000))
    write(tmp_path, *made_up, answered(tokens(1, 1), 0.5))
    usage = measured_usage(tmp_path)
    assert list(usage["models"]) == ["small"]
    assert (usage["refused_calls"], usage["models"]["small"]["calls"]) == (3000, 1)


def test_lines_that_are_no_calls_count_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model_calls.jsonl"
    path.write_bytes(b'{}\n[]\nnull\n{"outcome": "won", "action": "generate"}\n{"outcome": {}, "action": []}\n{"outcome": "answ')
    assert measured_usage(tmp_path) == {}


@pytest.mark.parametrize("kind", ["a pipe", "a folder", "a link", "too large"])
def test_what_is_no_ledger_is_left_out(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model_calls.jsonl"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    elif kind == "a link":
        path.symlink_to("/etc/passwd")
    else:
        path.touch()
        os.truncate(path, 10 * 2**30)
    notes: list[str] = []
    assert measured_usage(tmp_path, notes.append) == {}
    assert spending_over_time(tmp_path) == []
    assert len(notes) == 1 and notes[0].startswith("model_calls.jsonl is left out: ")


def test_the_largest_ledger_is_larger_than_any_run_writes() -> None:
    longest = len(json.dumps(ModelCall("answered", 200, removed=("w" * 300,) * 5).to_entry()))
    assert module._MOST_BYTES // longest > 100_000
