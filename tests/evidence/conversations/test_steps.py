"""Steps of conversations: which blocks there are is known without a text, and results stand with the calls that they are of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlebench._support.ledger import ledger_lines
from mlebench.evidence.conversations.calls import LedgerCalls, calls_path, text_of
from mlebench.evidence.conversations.conversations import Conversations
from mlebench.evidence.conversations.steps import Step, blocks_of, steps_in, with_calls
from tests.exports.recorded import Recording
from tests.exports.requests import Agent, Result, User, request
from tests.gateway import answers


@pytest.fixture
def conversations(recording: Recording) -> Iterator[Conversations]:
    with Conversations() as conversations:
        yield conversations


def read(recording: Recording, conversations: Conversations) -> list[Step]:
    """The steps of the conversation with the most calls."""
    attempt = recording.attempt()
    for entry in LedgerCalls().read(ledger_lines(calls_path(attempt), 2**24)):
        conversations.add(entry.n, entry.at, entry.call, text_of(attempt, entry))
    path, _ = next(conversations.paths())
    blocks = list(blocks_of(with_calls(path, conversations.without_text)))
    assert [block.begins_with_agent for block in blocks[1:]] == [True] * (len(blocks) - 1)
    assert all(len(block.calls) <= 1 for block in blocks)
    return [step for block in blocks for step in steps_in(block, conversations)]


def test_results_stand_with_their_calls(recording: Recording, conversations: Conversations) -> None:
    recording.call("chat", request("chat", "rules", [User("go")]), answers.Said(tool=("bash", {"command": "ls"})))
    said = [User("go"), Agent("", "ls", "call_1"), Result("a b", "call_1"), User("on")]
    recording.call("chat", request("chat", "rules", said), answers.Said("done"))
    steps = read(recording, conversations)
    assert [(step.source, step.text) for step in steps] == [
        ("system", "rules"),
        ("user", "go"),
        ("agent", ""),
        ("user", "on"),
        ("agent", "done"),
    ]
    [use], [result] = steps[2].uses, steps[2].results
    assert (use.name, use.arguments, result.use_id, result.text) == ("bash", {"command": "ls"}, use.id, "a b")


def test_a_result_of_no_call_here_is_a_step_of_its_own(recording: Recording, conversations: Conversations) -> None:
    recording.call("chat", request("chat", "rules", [User("go")]), answers.Said(tool=("bash", {"command": "ls"})))
    said = [User("go"), Agent("", "ls", "call_1"), Result("of another", "call_9")]
    recording.call("chat", request("chat", "rules", said), answers.Said("done"))
    steps = read(recording, conversations)
    assert [(step.source, step.result_of) for step in steps if step.source == "tool"] == [("tool", "call_9")]


def test_what_stands_in_place_of_older_turns_says_so(recording: Recording, conversations: Conversations) -> None:
    said = [User("go"), Agent("", "ls", "call_1"), Result("a b", "call_1")]
    recording.call("chat", request("chat", "rules", said[:1]), answers.Said(tool=("bash", {"command": "ls"})))
    recording.call("chat", request("chat", "rules", said), answers.Said("an answer that is long enough to be known again"))
    shorter = [User("a summary"), Agent("an answer that is long enough to be known again"), User("on")]
    recording.call("chat", request("chat", "rules", shorter), answers.Said("done"))
    steps = read(recording, conversations)
    assert [(step.text, step.replaces) for step in steps if step.source == "user"] == [
        ("go", False),
        ("a summary", True),
        ("on", False),
    ]
    assert [step.text for step in steps][-1] == "done"


def test_calls_without_texts_are_steps_without_words(recording: Recording, conversations: Conversations) -> None:
    recording.call("chat", request("chat", "rules", [User("go")]), answers.Said("one"))
    recording.call("chat", {}, None, keep=False, outcome="refused", status=429, reason="the budget is spent")
    steps = read(recording, conversations)
    refused = steps[-1]
    assert refused.call is not None and refused.call.reason == "the budget is spent" and not refused.has_text
