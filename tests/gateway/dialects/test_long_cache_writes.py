"""What is written to a cache for long costs more, and is counted apart, in plain answers and in streams."""

from __future__ import annotations

import json

from mlebench.gateway.dialects.messages import MessagesReader, tokens_of
from mlebench.gateway.tokens import Tokens

USAGE = {
    "input_tokens": 10,
    "cache_read_input_tokens": 5,
    "cache_creation_input_tokens": 100,
    "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40},
    "output_tokens": 7,
}
WRITTEN = Tokens(input=115, cached=5, cache_write=100, long_cache_write=40, output=7)


def test_a_plain_answer() -> None:
    assert tokens_of(USAGE) == WRITTEN
    assert tokens_of({**USAGE, "cache_creation": {"ephemeral_1h_input_tokens": 900}}) == Tokens(
        input=115, cached=5, cache_write=100, long_cache_write=100, output=7
    )
    assert tokens_of({**USAGE, "cache_creation": None}) == Tokens(input=115, cached=5, cache_write=100, output=7)


def test_a_stream_whose_last_event_says_less_of_it() -> None:
    reader = MessagesReader()
    for event in (
        {"type": "message_start", "message": {"usage": {**USAGE, "output_tokens": 1}}},
        {"type": "message_delta", "usage": {"output_tokens": 7, "cache_creation": None}},
    ):
        reader.feed(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
    assert reader.tokens == WRITTEN
