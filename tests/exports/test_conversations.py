"""What agents do with their conversations, and the trajectories that it makes: nothing is lost, nothing stands there twice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.exports.recorded import DIALECTS, Recording, steps_of
from tests.exports.requests import Agent, Result, Said, User, request
from tests.gateway import answers

each_dialect = pytest.mark.parametrize("dialect", DIALECTS)
IDS = {"chat": "call_1", "responses": "call_1", "messages": "toolu_1", "gemini": "call-1-1"}
"""What the answers of the tests call the only call of a tool; Gemini's has no id."""


def bash(command: str) -> answers.Said:
    return answers.Said(tool=("bash", {"command": command}))


def chat_call(command: str, identity: str, text: str = "") -> dict[str, Any]:
    """An answer in the chat dialect whose call has an id of its own."""
    [message] = request("chat", "", [Agent(text, command, identity)])["messages"][1:]
    return {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}


def called(n: int) -> Agent:
    return Agent("", f"step {n}", f"id-{n}")


def calls_of(recording: Recording) -> list[list[int]]:
    """The calls of each trajectory, in order."""
    trajectory, _ = recording.exported()
    return [[step.extra["call"] for step in each.steps if step.llm_call_count == 1] for each in trajectory.all]


@each_dialect
@pytest.mark.parametrize("is_streaming", [False, True], ids=["plain", "streamed"])
def test_a_growing_conversation_is_one_trajectory(dialect: str, is_streaming: bool, recording: Recording) -> None:
    said: list[Said] = [User("go")]
    recording.call(dialect, request(dialect, "rules", said), bash("ls"), is_streaming=is_streaming)
    said += [Agent("", "ls", IDS[dialect]), Result("a b", IDS[dialect])]
    recording.call(dialect, request(dialect, "rules", said), bash("cat a"), is_streaming=is_streaming)
    said += [Agent("", "cat a", IDS[dialect]), Result("1 2", IDS[dialect])]
    recording.call(dialect, request(dialect, "rules", said), answers.Said("all done"), is_streaming=is_streaming)
    trajectory, notes = recording.exported()
    assert notes == [] and trajectory.subagent_trajectories is None
    assert steps_of(trajectory) == [
        ("system", "rules"),
        ("user", "go"),
        ("agent", "", ("bash", {"command": "ls"}), "a b"),
        ("agent", "", ("bash", {"command": "cat a"}), "1 2"),
        ("agent", "all done"),
    ]
    assert [step.extra["call"] for step in trajectory.steps] == [1, 1, 1, 2, 3]


@each_dialect
def test_an_agent_that_is_asked_to_go_on_stays_in_its_conversation(dialect: str, recording: Recording) -> None:
    recording.call(dialect, request(dialect, "rules", [User("go")]), answers.Said("I am done."))
    said = [User("go"), Agent("I am done."), User("go on")]
    recording.call(dialect, request(dialect, "rules", said), answers.Said("Done again."))
    [trajectory] = recording.exported()[0].all
    texts = ["rules", "go", "I am done.", "go on", "Done again."]
    assert [step.message for step in trajectory.steps] == texts


@each_dialect
def test_reasoning_is_kept_though_the_agent_leaves_it_out_of_what_it_sends_again(dialect: str, recording: Recording) -> None:
    from tests.evidence.conversations.test_dialects import REASONED

    recording.call(dialect, request(dialect, "rules", [User("go")]), REASONED[dialect][0])
    recording.call(dialect, request(dialect, "rules", [User("go"), Agent("yes"), User("on")]), REASONED[dialect][1])
    [trajectory] = recording.exported()[0].all
    assert [(step.message, step.reasoning_content) for step in trajectory.steps if step.source == "agent"] == [
        ("yes", "so so")
    ] * 2
    assert len(trajectory.steps) == 5


def test_ids_that_an_agent_gave_are_those_of_the_calls(recording: Recording) -> None:
    """Gemini's calls have none, so its agents make some up and name results by them."""
    recording.call("gemini", request("gemini", "rules", [User("go")]), bash("ls"))
    asked = request("gemini", "rules", [User("go"), Agent("", "ls"), Result("a b")])
    asked["contents"][1]["parts"][0]["functionCall"]["id"] = "bash_17_0"
    asked["contents"][2]["parts"][0]["functionResponse"]["id"] = "bash_17_0"
    recording.call("gemini", asked, answers.Said("done"))
    [trajectory] = recording.exported()[0].all
    step = trajectory.steps[2]
    assert step.tool_calls and step.observation
    assert step.tool_calls[0].tool_call_id == step.observation.results[0].source_call_id == "bash_17_0"


def test_results_find_their_calls_under_ids_that_an_agent_changed(recording: Recording) -> None:
    recording.call("chat", request("chat", "rules", [User("go")]), chat_call("ls", "call_xyz"))
    recording.call("chat", request("chat", "rules", [User("go"), Agent("", "ls", "1"), Result("a b", "1")]), answers.Said("done"))
    assert steps_of(recording.exported()[0])[2] == ("agent", "", ("bash", {"command": "ls"}), "a b")


def test_parallel_calls_sent_again_one_by_one_are_one_step(recording: Recording) -> None:
    """The responses dialect lets an agent put each result behind its call."""
    both = request("responses", "", [Agent("", "ls", "a"), Agent("", "pwd", "b")])["input"]
    recording.call("responses", request("responses", "rules", [User("go")]), {"output": both})
    said = [User("go"), Agent("", "ls", "a"), Result("x", "a"), Agent("", "pwd", "b"), Result("/home", "b")]
    recording.call("responses", request("responses", "rules", said), answers.Said("done"))
    assert steps_of(recording.exported()[0])[2:] == [
        ("agent", "", ("bash", {"command": "ls"}), ("bash", {"command": "pwd"}), "x", "/home"),
        ("agent", "done"),
    ]


def test_side_calls_have_trajectories_of_their_own(recording: Recording) -> None:
    recording.call("chat", request("chat", "Name this.", [User("Title for: go")]), answers.Said("A title"))
    recording.call("chat", request("chat", "rules", [User("go")]), answers.Said("hm"))
    recording.call("chat", request("chat", "You are a helper.", [User("count the files")]), answers.Said("three"))
    recording.call("chat", request("chat", "rules", [User("go"), Agent("hm"), User("on")]), answers.Said("done"))
    assert calls_of(recording) == [[2, 4], [1], [3]]
    trajectory, _ = recording.exported()
    assert [each.trajectory_id for each in trajectory.all] == [f"group/toy-a_seed0/1{end}" for end in ("", "/2", "/3")]


def test_a_side_question_at_the_end_of_a_conversation_does_not_part_it(recording: Recording) -> None:
    """Some agents ask, after each answer, who speaks next."""
    said: list[Said] = [User("go")]
    for n in range(1, 4):
        recording.call("chat", request("chat", "rules", said), answers.Said(f"answer {n}"))
        said.append(Agent(f"answer {n}"))
        recording.call("chat", request("chat", "rules", [*said, User("Who speaks next?")]), answers.Said("user"))
        said.append(User(f"question {n}"))
    recording.call("chat", request("chat", "rules", said), answers.Said("the end"))
    assert calls_of(recording)[0] == [1, 3, 5, 7]
    main, *sides = recording.exported()[0].all
    assert [[step.message for step in side.steps] for side in sides] == [["Who speaks next?", "user"]] * 3
    places = [side.extra["continues"]["step_id"] for side in sides if side.extra]
    assert sorted(main.steps[place - 1].message for place in places) == ["answer 1", "answer 2", "answer 3"]


def test_rollouts_of_one_prompt_are_told_apart(recording: Recording) -> None:
    start: list[Said] = [User("go")]
    for name in ("a", "b"):
        recording.call("chat", request("chat", "rules", start), chat_call(f"try {name}", name))
    for name in ("a", "b"):
        said = [*start, Agent("", f"try {name}", name), Result(f"result {name}", name)]
        recording.call("chat", request("chat", "rules", said), answers.Said(f"done {name}"))
    assert calls_of(recording) == [[2, 4], [1, 3]]
    main, other = recording.exported()[0].all
    assert steps_of(other) == [("agent", "", ("bash", {"command": "try a"}), "result a"), ("agent", "done a")]
    assert other.extra == {"continues": {"trajectory_id": main.trajectory_id, "step_id": 2}}


def test_a_prompt_that_is_asked_again_stands_there_once(recording: Recording) -> None:
    """After a failure, or for another answer."""
    asked = request("chat", "rules", [User("go")])
    recording.call("chat", asked, None, outcome="failed", status=503, reason="the provider answers with 503")
    recording.call("chat", asked, answers.Said("one"))
    recording.call("chat", asked, answers.Said("two"))
    recording.call("chat", request("chat", "rules", [User("go"), Agent("one"), User("on")]), answers.Said("three"))
    [trajectory] = recording.exported()[0].all
    assert [step.message for step in trajectory.steps] == ["rules", "go", "", "two", "one", "on", "three"]
    failed = trajectory.steps[2]
    assert failed.metrics is None and failed.llm_call_count == 0
    assert failed.extra["outcome"] == "failed" and failed.extra["status"] == 503
    assert failed.extra["reason"] == "the provider answers with 503"


def test_old_results_that_an_agent_clears_part_no_conversation(recording: Recording) -> None:
    """At each step one more result is cleared, so that no request is the beginning of the next."""
    said: list[Said] = [User("go")]
    for n in range(1, 7):
        recording.call("chat", request("chat", "rules", said), chat_call(f"step {n}", f"id-{n}"))
        said += [called(n), Result(f"result {n}", f"id-{n}")]
        if n > 2:
            said[2 * (n - 2)] = Result("[cleared]", f"id-{n - 2}")
    [trajectory] = recording.exported()[0].all
    results = [step for step in steps_of(trajectory) if step[0] == "agent"]
    assert results == [("agent", "", ("bash", {"command": f"step {n}"}), f"result {n}") for n in range(1, 6)] + [
        ("agent", "", ("bash", {"command": "step 6"}))
    ]
    replaced = [step for step in trajectory.steps if step.extra.get("replaces_earlier_context")]
    # repeating the same text adds nothing
    assert [step.observation.results[0].content for step in replaced if step.observation] == ["[cleared]"]


def test_a_window_that_slides_parts_no_conversation(recording: Recording) -> None:
    said: list[Said] = [User("go")]
    for n in range(1, 9):
        window = said if len(said) < 6 else [said[0], User("[earlier steps are left out]"), *said[-4:]]
        recording.call("chat", request("chat", "rules", window), chat_call(f"step {n}", f"id-{n}"))
        said += [called(n), Result(f"result {n}", f"id-{n}")]
    [trajectory] = recording.exported()[0].all
    steps = steps_of(trajectory)
    assert [step[2][1]["command"] for step in steps if step[0] == "agent"] == [f"step {n}" for n in range(1, 9)]
    assert steps.count(("user", "[earlier steps are left out]")) == 1


def test_a_session_taken_up_under_another_first_message_is_the_same_conversation(recording: Recording) -> None:
    """A first message that describes the machine is written anew by a process that resumes a session."""
    recording.call("gemini", request("gemini", "rules", [User("files: none"), User("go")]), bash("ls"))
    asked = request("gemini", "rules", [User("files: none"), User("go"), Agent("", "ls"), Result("a")])
    asked["contents"][2]["parts"][0]["functionCall"]["id"] = asked["contents"][3]["parts"][0]["functionResponse"]["id"] = "ls_0"
    recording.call("gemini", asked, answers.Said("Done."))
    resumed = request(
        "gemini", "rules", [User("files: a"), User("go"), Agent("", "ls"), Result("a"), Agent("Done."), User("go on")]
    )
    resumed["contents"][2]["parts"][0]["functionCall"]["id"] = resumed["contents"][3]["parts"][0]["functionResponse"]["id"] = (
        "ls_0"
    )
    recording.call("gemini", resumed, answers.Said("Done again."))
    [trajectory] = recording.exported()[0].all
    texts = [step.message for step in trajectory.steps]
    assert texts == ["rules", "files: none", "go", "", "Done.", "files: a", "go on", "Done again."]
    assert [step.message for step in trajectory.steps if step.extra.get("replaces_earlier_context")] == ["files: a"]


def test_a_summary_begins_a_conversation_of_its_own(recording: Recording) -> None:
    recording.call("messages", request("messages", "rules", [User("go")]), answers.Said("one"))
    said = [User("go"), Agent("one"), User("Sum it up.")]
    recording.call("messages", request("messages", "rules", said), answers.Said("We did one thing."))
    recording.call("messages", request("messages", "rules", [User("So far: We did one thing.")]), answers.Said("two"))
    assert calls_of(recording) == [[1, 2], [3]]


def test_system_texts_that_change_stand_there_once_each(recording: Recording) -> None:
    said: list[Said] = [User("go")]
    for n, system in enumerate(("rules", "10 minutes left", "10 minutes left", "rules"), start=1):
        recording.call("chat", request("chat", system, said), answers.Said(f"answer {n}"))
        said += [Agent(f"answer {n}"), User(f"question {n}")]
    [trajectory] = recording.exported()[0].all
    assert [step.message for step in trajectory.steps if step.source == "system"] == ["rules", "10 minutes left"]


def test_prompts_of_system_texts_alone_are_conversations(recording: Recording) -> None:
    for n in (1, 2):
        asked = request("chat", f"Draft {n}.", [])
        recording.call("chat", asked, answers.Said(f"draft {n}"))
    assert [steps_of(each) for each in recording.exported()[0].all] == [
        [("system", f"Draft {n}."), ("agent", f"draft {n}")] for n in (1, 2)
    ]


@pytest.mark.parametrize(("answer", "sent"), [("Action: ls\nObservation: made up", "Action: ls"), ("  padded \n", "padded")])
def test_an_answer_that_an_agent_cut_is_the_same_answer(answer: str, sent: str, recording: Recording) -> None:
    recording.call("chat", request("chat", "rules", [User("go")]), answers.Said(answer))
    recording.call("chat", request("chat", "rules", [User("go"), Agent(sent), User("on")]), answers.Said("done"))
    [trajectory] = recording.exported()[0].all
    assert [step.message for step in trajectory.steps] == ["rules", "go", answer, "on", "done"]


def test_what_an_agent_puts_into_a_models_mouth_is_no_call(recording: Recording) -> None:
    said = [User("2+2?"), Agent("4"), User("3+3?")]
    recording.call("chat", request("chat", "rules", said), answers.Said("6"))
    [trajectory] = recording.exported()[0].all
    assert [(step.source, step.message, step.llm_call_count) for step in trajectory.steps] == [
        ("system", "rules", None),
        ("user", "2+2?", None),
        ("agent", "4", 0),
        ("user", "3+3?", None),
        ("agent", "6", 1),
    ]
    assert trajectory.steps[2].extra["not_by_a_call"] is True


def test_thousands_of_turns_are_held_by_their_hashes(recording: Recording) -> None:
    """A request of the end repeats all before; what is kept in memory of a turn does not grow with its text."""
    said: list[Said] = [User("go")]
    for n in range(1, 61):
        recording.call("chat", request("chat", "rules", said), chat_call(f"step {n}", f"id-{n}"))
        said += [called(n), Result("x" * 20_000 + str(n), f"id-{n}")]
    import tracemalloc

    from mlebench.evidence.conversations.call_text import read_call
    from mlebench.evidence.conversations.conversations import Conversations
    from mlebench.gateway.model_call import ModelCall
    from mlebench.gateway.transcript import texts_name, unpack_texts

    call = ModelCall("answered", 200, dialect="chat")
    with Conversations() as conversations:
        tracemalloc.start()
        for n in range(1, 61):
            packed = (recording.folder / "transcript" / texts_name(n)).read_bytes()
            conversations.add(n, None, call, read_call(unpack_texts(packed), call))
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        [(path, _)] = conversations.paths()
    assert len(path) == 1 + 59 + 60
    assert held < 400_000
