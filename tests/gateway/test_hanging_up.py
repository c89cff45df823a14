"""Whoever hangs up before the provider has said what a call used saves nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.gateway.provider import Answer, Gate
from tests.gateway.served import DIALECTS, TOKEN, Connection, Served, content_of, path_of, serving
from tests.waiting import wait_until

DENSE = "\N{GRINNING FACE}\N{MUSICAL SYMBOL G CLEF}" * 2000
"""Text of which each byte may be a token: four bytes a letter."""


@pytest.mark.parametrize("is_streaming", [False, True])
@pytest.mark.parametrize("dialect", ["chat", "responses"])
def test_a_prompt_whose_length_was_not_said_counts_as_the_most_that_it_can_have(
    tmp_path: Path, dialect: str, is_streaming: bool
) -> None:
    with serving(tmp_path) as served:
        hang_up(served, dialect, DENSE, is_streaming=is_streaming)
        (call,) = wait_until(lambda: served.calls)
        assert call["estimated"] and call["tokens"]["input"] >= len(DENSE.encode())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_estimate_teaches_nothing_about_other_prompts(tmp_path: Path, dialect: str) -> None:
    with serving(tmp_path) as served:
        for number in range(1, 4):
            hang_up(served, dialect, "x" * 4000)
            wait_until(lambda number=number: len(served.calls) == number)
        counted = [call["tokens"]["input"] for call in served.calls]
        assert len(set(counted)) == 1


def hang_up(served: Served, dialect: str, text: str, *, is_streaming: bool = False) -> None:
    """Ask, and go before the answer ends."""
    before = served.provider.hung_up
    served.provider.answer = Answer(gate=(gate := Gate()), gate_at=1 if is_streaming else None)
    connection = Connection(served.address)
    body = json.dumps(content_of(dialect, text, is_streaming=is_streaming))
    connection.request("POST", path_of(dialect, is_streaming=is_streaming), body, {"Authorization": f"Bearer {TOKEN}"})
    gate.wait_for()
    connection.close()
    wait_until(lambda: served.provider.hung_up == before + 1)
    gate.open()
