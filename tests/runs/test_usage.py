"""Amounts of calls to models, as records hold them, and their sums."""

from __future__ import annotations

import json
import math

import pytest

from mlebench.runs.usage import Usage, read_usage, total

MEASURED = {
    "calls": 3,
    "failed_calls": 1,
    "refused_calls": 0,
    "input_tokens": 300,
    "cached_tokens": 100,
    "output_tokens": 30,
    "reasoning_tokens": 10,
    "cost_usd": 0.25,
    "models": {"m-1": {"calls": 2, "cost_usd": 0.2}, "m-2": {"calls": 1, "cost_usd": 0.05}},
}


def test_what_a_record_holds_is_read_and_written() -> None:
    usage = read_usage(MEASURED)

    assert usage is not None
    assert (usage.calls, usage.tokens, usage.cost_usd, usage.models["m-2"].cost_usd) == (3, 330, 0.25, 0.05)
    assert read_usage(usage.to_dict()) == usage
    json.dumps(usage.to_dict())


@pytest.mark.parametrize("content", [None, {}, [], "much", {"steps": 7}, {"input_tokens": "many"}, {"models": {}}])
def test_nothing_known_is_no_usage(content: object) -> None:
    assert read_usage(content) is None


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, -math.inf, 2**53, 10**400, 1e300, True, "7", None, [7], 0.5])
def test_what_is_no_count_is_unknown(value: object) -> None:
    usage = read_usage({**MEASURED, "input_tokens": value})

    assert usage is not None
    assert (usage.input_tokens, usage.tokens, usage.calls) == (None, None, 3)


@pytest.mark.parametrize("value", [-0.01, math.nan, math.inf, 1e300, True, "0.25"])
def test_what_is_no_amount_of_money_is_unknown(value: object) -> None:
    usage = read_usage({**MEASURED, "cost_usd": value})
    assert usage is not None and usage.cost_usd is None


def test_names_of_models_are_few_short_and_printable() -> None:
    usage = read_usage({"calls": 1, "models": {f"\x1b[31m{number}{'x' * 500}": {"calls": 1} for number in range(500)}})

    assert usage is not None
    assert len(usage.models) == 100
    assert all(name.isprintable() and len(name) <= 110 for name in usage.models)


def test_models_within_models_are_not_followed() -> None:
    content: dict[str, object] = {"calls": 1}
    for _ in range(5000):
        content = {"calls": 1, "models": {"m": content}}
    usage = read_usage(content)
    assert usage is not None and usage.models == {"m": Usage(calls=1)}


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    priced = Usage(calls=1, input_tokens=10, output_tokens=1, cost_usd=0.1, models={"a": Usage(calls=1, cost_usd=0.1)})
    unpriced = Usage(calls=2, input_tokens=20, output_tokens=2, models={"b": Usage(calls=2)})

    both = total([priced, unpriced])

    assert (both.calls, both.input_tokens, both.output_tokens, both.cost_usd) == (3, 30, 3, None)
    assert both.models == {"a": Usage(calls=1, cost_usd=0.1), "b": Usage(calls=2)}
    assert total([priced, priced, priced]).cost_usd == pytest.approx(0.3)
    assert total([]) == Usage()
