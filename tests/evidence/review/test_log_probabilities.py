"""Log-probabilities are those of the text's own tokens, however a server reports them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mlebench.evidence.review.log_probabilities import LOWEST, WAYS
from mlebench.gateway.dialects.base import Route
from mlebench.gateway.dialects.table import find_route

COMPLETIONS, CHAT = WAYS


def completion(tokens: list[str], values: list[Any], **more: Any) -> dict[str, Any]:
    return {"choices": [{"logprobs": {"tokens": tokens, "token_logprobs": values}, **more}]}


def chat(*entries: tuple[str, float] | None) -> dict[str, Any]:
    told = [None if entry is None else {"17": {"logprob": entry[1], "rank": 1, "decoded_token": entry[0]}} for entry in entries]
    return {"choices": [{"message": {"content": "!"}}], "prompt_logprobs": told}


def test_the_first_token_and_what_was_generated_do_not_count() -> None:
    told = completion(["Good", " model", "s", " never"], [None, -1.0, -0.5, -9.0])
    assert COMPLETIONS.read(told, "Good models") == [-1.0, -0.5]


def test_a_token_that_begins_every_text_has_none_and_the_first_word_has_one() -> None:
    told = completion(["<s>", "Good", "▁model", "s"], [None, -2.0, -1.0, -0.5])
    assert COMPLETIONS.read(told, "Good models") == [-2.0, -1.0, -0.5]


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["Caf", "Ã©", "Ġat", "Ġnoon", "!"], "Café at noon"),
        (["Caf", "�", "�", " at", " noon", "!"], "Café at noon"),
        (["Caf", "<0xC3>", "<0xA9>", "▁at", "▁noon", "!"], "Café at noon"),
        (["Caf", "bytes:\\xc3", "bytes:\\xa9", " at", " noon", "!"], "Café at\n noon"),
        (["при", "вет", "!"], "привет"),
    ],
)
def test_tokens_are_known_again_however_a_tokeniser_writes_them(tokens: list[str], text: str) -> None:
    values = [None, *(-float(place) for place in range(1, len(tokens)))]
    assert COMPLETIONS.read(completion(tokens, values), text) == values[1:-1]


def test_of_a_chat_the_template_around_the_text_does_not_count() -> None:
    told = chat(None, ("<|user|>", -7.0), ("\n", -7.0), ("Good", -2.0), (" model", -1.0), ("s", -0.5), ("<|end|>", -7.0))
    assert CHAT.read(told, "Good models") == [-2.0, -1.0, -0.5]


def test_the_token_that_is_there_is_the_first_of_its_entry() -> None:
    told = chat(("Good", -2.0))
    told["prompt_logprobs"][0]["18"] = {"logprob": -0.1, "rank": 1, "decoded_token": "Bad"}
    assert CHAT.read(told, "Good") == [-2.0]


def test_numbers_beyond_what_a_logarithm_of_a_probability_can_be_are_brought_into_range() -> None:
    told = completion(["a", "b", "c", "d"], [None, -math.inf, -9999.0, 1e-7])
    assert COMPLETIONS.read(told, "abcd") == [LOWEST, LOWEST, 0.0]


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {"choices": []},
        {"choices": [{"text": "hi", "logprobs": None}]},
        completion(["and", " so", " on"], [-1.0, -1.0, -1.0]),  # what was generated alone, without the prompt
        completion(["Good", " models"], [None]),
        completion(["Good", " models"], [None, "x"]),
        completion(["Good", " models"], [None, math.nan]),
        completion([5, {}], [None, -1.0]),  # type: ignore[list-item]
        {"prompt_logprobs": [None, {}, 5, {"1": 5}, {"1": {"decoded_token": 5, "logprob": True}}]},
        {"prompt_logprobs": {}},
    ],
)
def test_an_answer_without_them_has_none(told: Any) -> None:
    assert COMPLETIONS.read(told, "Good models") is None
    assert CHAT.read(told, "Good models") is None


def test_requests_ask_for_what_is_read() -> None:
    body = COMPLETIONS.body("a", "Good models")
    call = COMPLETIONS.dialect.read(Route("generate", "a"), body, {}, frozenset())
    assert COMPLETIONS.dialect.path(call, "served") == "/completions"
    assert COMPLETIONS.dialect.body(call, "served") == {**body, "model": "served"}
    assert (body["echo"], body["logprobs"], call.most_output) == (True, 1, 1)
    call = CHAT.dialect.read(Route("generate", "a"), CHAT.body("a", "Good models"), {}, frozenset(), CHAT.fields)
    assert CHAT.dialect.body(call, "served")["prompt_logprobs"] == 0 and call.removed == ()


def test_agents_have_no_path_to_completions() -> None:
    assert find_route("POST", "/v1/completions") is None
    assert COMPLETIONS.dialect.route("POST", "/v1/completions") is None
