"""The files themselves: sums, calls without texts, damage of every kind, and who and what they are of."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from mlebench.errors import UsageError
from mlebench.evidence.conversations.attempts import Attempt, Unreadable, attempts_in
from mlebench.exports.atif import write_trajectory
from mlebench.gateway.transcript import FOLDER, texts_name
from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord
from tests.exports.recorded import TOKENS, Recording, make_group, steps_of
from tests.exports.requests import Agent, Said, User, request
from tests.gateway import answers

GO = request("chat", "rules", [User("go")])


def texts(recording: Recording, n: int) -> Path:
    return recording.folder / FOLDER / texts_name(n)


def talk(recording: Recording, calls: int = 3, dialect: str = "chat") -> None:
    """A conversation of some calls."""
    said: list[Said] = [User("go")]
    for n in range(1, calls + 1):
        recording.call(dialect, request(dialect, "rules", said), answers.Said(f"answer {n}"))
        said += [Agent(f"answer {n}"), User(f"question {n}")]


def pack(content: Any) -> bytes:
    return gzip.compress(json.dumps(content).encode())


def test_a_file_says_whose_it_is(recording: Recording) -> None:
    talk(recording)
    recording.end()
    trajectory, notes = recording.exported()
    assert notes == []
    agent = trajectory.agent
    assert (agent.name, agent.version, agent.model_name) == ("scripted", "1.2.3", "m")
    assert agent.extra == {"variant": "fast", "arguments": {"model": "m"}}
    assert [tool["function"]["name"] for tool in agent.tool_definitions or ()] == ["bash"]
    assert trajectory.session_id == trajectory.trajectory_id == "group/toy-a_seed0/1"
    about = trajectory.extra or {}
    assert (about["competition_id"], about["seed"], about["edition"], about["attempt"], about["state"]) == (
        "toy-a",
        0,
        "v1",
        1,
        "finished",
    )
    assert about["started_at"] < about["ended_at"]


def test_each_call_says_what_it_cost_and_the_totals_are_those_of_the_run(recording: Recording) -> None:
    talk(recording)
    recording.call("chat", request("chat", "side", [User("title?")]), answers.Said("a title"))
    recording.call("chat", GO, None, outcome="failed", status=500)
    recording.call("chat", GO, None, keep=False, outcome="refused", status=400, reason="the budget is spent")
    recording.end()
    trajectory, _ = recording.exported()
    metrics = [step.metrics for each in trajectory.all for step in each.steps if step.metrics]
    assert [(one.prompt_tokens, one.completion_tokens, one.cached_tokens) for one in metrics] == [(100, 7, 40)] * 4
    assert {one.cost_usd for one in metrics} == {(60 + 40 * 0.5 + 7 * 2) / 10**6}
    assert metrics[0].extra == {"reasoning_tokens": 2}
    usage, totals = recording.usage, trajectory.final_metrics
    assert totals.total_prompt_tokens == usage["input_tokens"] == 4 * TOKENS.input
    assert totals.total_completion_tokens == usage["output_tokens"]
    assert totals.total_cached_tokens == usage["cached_tokens"]
    assert totals.total_cost_usd == usage["cost_usd"]
    assert totals.extra == {"calls": 4, "failed_calls": 1, "refused_calls": 1}
    assert trajectory.subagent_trajectories and trajectory.subagent_trajectories[0].final_metrics.total_prompt_tokens == 100


def test_a_cost_of_which_a_part_is_unknown_is_unknown(recording: Recording) -> None:
    recording.call("chat", GO, answers.Said("one"))
    recording.call("chat", GO, answers.Said("two"), cost_usd=None)
    trajectory, _ = recording.exported()
    assert trajectory.final_metrics.total_cost_usd is None
    assert [step.metrics.cost_usd for step in trajectory.steps if step.metrics] == [pytest.approx(94e-6), None]


def test_without_texts_there_are_steps_with_what_was_used(recording: Recording) -> None:
    """`record: usage` keeps none."""
    for _ in range(3):
        recording.call("chat", GO, answers.Said("one"), keep=False)
    trajectory, notes = recording.exported()
    assert notes == [] and [step.message for step in trajectory.steps] == [""] * 3
    assert {step.extra["text"] for step in trajectory.steps} == {"not kept"}
    assert trajectory.final_metrics.total_prompt_tokens == 300


def test_calls_whose_texts_are_gone_stand_where_they_were_made(recording: Recording) -> None:
    """And part no call from the results of its tools."""
    recording.call("chat", GO, answers.Said(tool=("bash", {"command": "ls"})))
    recording.call("chat", GO, answers.Said("lost"), keep=False)
    said = [User("go"), Agent("", "ls", "call_1")]
    asked = request("chat", "rules", said)
    asked["messages"].append({"role": "tool", "tool_call_id": "call_1", "content": "a b"})
    recording.call("chat", asked, answers.Said("done"))
    recording.call("chat", asked, answers.Said("lost"), keep=False)
    trajectory, notes = recording.exported()
    assert notes == []
    assert [step.extra["call"] for step in trajectory.steps if step.source == "agent"] == [1, 2, 3, 4]
    assert steps_of(trajectory)[2] == ("agent", "", ("bash", {"command": "ls"}), "a b")


def test_refused_and_replayed_calls_say_so(recording: Recording) -> None:
    talk(recording, 1)
    recording.call("chat", {}, None, keep=False, outcome="refused", status=400, reason="the budget is spent", model=None)
    recording.call("chat", {}, None, keep=False, outcome="replayed", retry=True)
    *_, refused, replayed = recording.exported()[0].steps
    assert (refused.extra["outcome"], refused.extra["status"], refused.extra["reason"]) == ("refused", 400, "the budget is spent")
    assert replayed.extra["outcome"] == "replayed" and replayed.metrics is None and replayed.llm_call_count == 0


def test_counted_prompts_and_probes_are_no_steps(recording: Recording) -> None:
    talk(recording, 1)
    recording.call("messages", request("messages", "rules", [User("go")]), b'{"input_tokens": 3}', action="count")
    recording.call("chat", {}, None, keep=False, outcome="probe")
    trajectory, _ = recording.exported()
    assert len(trajectory.steps) == 3
    assert trajectory.final_metrics.extra == {"calls": 1, "token_counting_calls": 1}


def test_another_model_stands_with_its_steps(recording: Recording) -> None:
    talk(recording, 2)
    recording.call("chat", GO, answers.Said("one"), model="small")
    models = [step.model_name for step in recording.exported()[0].steps if step.source == "agent"]
    assert sorted(models, key=str) == [None, None, "small"]


def test_times_are_those_of_the_ledger(recording: Recording) -> None:
    recording.call("chat", GO, answers.Said("one"), seconds=2.5)
    trajectory, _ = recording.exported()
    from datetime import datetime

    user, agent = (datetime.fromisoformat(step.timestamp or "") for step in trajectory.steps[1:])
    assert (agent - user).total_seconds() == 2.5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "call 2"),
        (b"no gzip", "call 2"),
        (gzip.compress(b"x" * 100)[:-9], "call 2"),
        (gzip.compress(b"not JSON"), "call 2"),
        (pack({"request": "{}"}), "does not hold the texts"),
        (pack(["request"]), "does not hold the texts"),
        (pack({"request": "[]", "response": ""}), "not an object"),
        (pack({"request": "[" * 50_000, "response": ""}), "call 2"),
        (gzip.compress(bytes(2**28 + 2**20)), "more than"),
    ],
    ids=["empty", "no-gzip", "cut", "no-json", "half", "list", "no-object", "deep", "bomb"],
)
def test_damaged_texts_are_named_and_the_rest_goes_on(content: bytes, said: str, recording: Recording) -> None:
    talk(recording)
    texts(recording, 2).write_bytes(content)
    trajectory, [note] = recording.exported()
    assert note.startswith("group/toy-a_seed0/1: the texts of 1 call cannot be read, the first is call 2") and said in note
    assert "\n" not in note and len(note) < 300
    assert trajectory.final_metrics.total_prompt_tokens == 300
    # the third request repeats what the second one said
    assert [step.message for step in trajectory.steps if step.message.startswith("question")] == ["question 1", "question 2"]


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "linked folder"])
def test_what_an_agent_puts_in_place_of_texts_is_not_followed(kind: str, recording: Recording, tmp_path: Path) -> None:
    talk(recording, 1)
    kept = tmp_path / "elsewhere"
    place = texts(recording, 1) if kind != "linked folder" else recording.folder / FOLDER
    place.rename(kept)
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(kept)
    trajectory, notes = recording.exported()
    assert len(notes) == 1 and [step.message for step in trajectory.steps] == [""]


def deep_call(levels: int) -> dict[str, Any]:
    """A call of a tool whose arguments lie within each other."""
    arguments = '{"a": ' * levels + "1" + "}" * levels
    return {
        "role": "assistant",
        "tool_calls": [{"function": {"name": "f", "arguments": arguments}}],
        "also": json.loads(arguments),
    }


HOSTILE: dict[str, Any] = {
    "surrogates": {"messages": [{"role": "user", "content": "a \ud800 b"}]},
    "numbers": {
        "messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": '{"x": 1e999, "y": NaN}'}}]}]
    },
    "names": {"messages": [{"role": "assistant", "tool_calls": [{"id": 7, "function": {"name": None, "arguments": None}}]}]},
    "results": {"messages": [{"role": "tool", "tool_call_id": "nobody's", "content": "?"}]},
    "control": {"messages": [{"role": "user", "content": "\x1b[2J\x00\u2028"}]},
    "keys": {
        "messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"\udcff": ["\udcff"]}}}]}]
    },
    "tools": {"messages": [{"role": "user", "content": "x"}], "tools": [{"\ud800": float("inf")}, {"type": "function"}]},
    "nothing": {},
    **{f"{depth} levels": {"messages": [deep_call(depth)], "tools": [deep_call(depth)]} for depth in (60, 200)},
}


@pytest.mark.parametrize("asked", HOSTILE.values(), ids=HOSTILE)
def test_hostile_requests_make_files_that_any_reader_takes(asked: dict[str, Any], recording: Recording) -> None:
    recording.call("chat", asked, answers.Said("fine"))
    recording.call("chat", asked, answers.Said(tool=("f", {"x": "\ud800"})))
    trajectory, notes = recording.exported()
    assert notes == [] and trajectory.final_metrics.total_prompt_tokens == 200
    content = (recording.folder.parent / "trajectory.json").read_bytes().decode("utf-8")
    json.loads(content, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@pytest.mark.parametrize("levels", range(300, 1000, 100))
def test_what_is_nearly_too_deep_ends_no_export(levels: int, recording: Recording) -> None:
    """Whether it can be read depends on how deep the reader itself is."""
    recording.call("chat", {"messages": [deep_call(levels)], "tools": [deep_call(levels)]}, answers.Said("fine"))
    talk(recording, 1)
    trajectory, notes = recording.exported()
    assert len(notes) <= 1 and trajectory.final_metrics.total_prompt_tokens == 200
    assert "answer 1" in [step.message for each in trajectory.all for step in each.steps]


@pytest.mark.parametrize(
    "line",
    [
        b"no JSON\n",
        b"[]\n",
        b'{"outcome": "answered", "action": "generate"}\n',
        b'{"outcome": "answered", "action": "generate", "at": 7, "n": "x", "dialect": [], "tokens": [], "cost_usd": "much"}\n',
        b'{"outcome": "answered", "action": "generate", "at": "0001-01-01T00:00:00+00:00", "n": 1e99, "seconds": 1e300}\n',
        b'{"outcome": "answered", "action": "generate", "at": "now", "n": -1, "dialect": "telepathy", "model": "\\ud800"}\n',
    ],
)
def test_a_ledger_that_somebody_changed_is_borne(line: bytes, recording: Recording) -> None:
    talk(recording, 2)
    ledger = recording.folder / "model_calls.jsonl"
    first, second = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(first + line + second + line)
    trajectory, _ = recording.exported()
    assert [step.message for step in trajectory.steps if step.message.startswith("answer")] == ["answer 1", "answer 2"]
    assert trajectory.final_metrics.total_prompt_tokens == recording.usage["input_tokens"]


def test_a_line_twice_in_a_ledger_shows_its_texts_once(recording: Recording) -> None:
    talk(recording, 1)
    ledger = recording.folder / "model_calls.jsonl"
    ledger.write_bytes(ledger.read_bytes() * 2)
    trajectory, _ = recording.exported()
    assert [step.message for step in trajectory.steps] == ["rules", "go", "answer 1", ""]


def test_a_ledger_that_cannot_be_read_is_named(recording: Recording, tmp_path: Path) -> None:
    ledger = recording.folder / "model_calls.jsonl"
    ledger.unlink()
    ledger.mkdir()
    notes: list[str] = []
    assert write_trajectory(recording.attempt(), tmp_path / "t.json", notes.append) is None
    assert notes == ["group/toy-a_seed0/1: model_calls.jsonl cannot be read: a folder"]
    assert not (tmp_path / "t.json").exists()


def test_texts_beyond_the_limit_are_left_out_and_named(recording: Recording) -> None:
    said: list[Said] = [User("go")]
    for n in range(1, 5):
        recording.call("chat", request("chat", "rules", said), answers.Said("x" * 3000))
        said += [Agent("x" * 3000), User(f"question {n}")]
    trajectory, notes = recording.exported(most_text=5000)
    assert [step.message[:3] for step in trajectory.steps if step.source == "agent"] == ["xxx", "xxx", "", ""]
    assert notes == ["group/toy-a_seed0/1: the texts of the last 2 calls are left out, as those before have 4.9 KiB"]


def test_the_same_run_gives_the_same_bytes(recording: Recording) -> None:
    talk(recording)
    recording.exported()
    before = (recording.folder.parent / "trajectory.json").read_bytes()
    recording.exported()
    assert (recording.folder.parent / "trajectory.json").read_bytes() == before
    assert [path.name for path in recording.folder.parent.iterdir() if path.name.startswith(".traj")] == []


def found(group: Group, *run_ids: str) -> list[Attempt | Unreadable]:
    with attempts_in(str(group.folder), group.folder.parent, run_ids) as (_, attempts):
        return list(attempts)


def test_every_attempt_is_one(recorded_group: Group) -> None:
    """Calls of an attempt that failed were made and paid, too."""
    from mlebench.runs.worker import set_aside

    first = Recording(recorded_group)
    talk(first, 2)
    first.end()
    record = RunRecord.read(first.folder)
    record.state = "failed"
    record.again()
    record.write(first.folder)
    # until the next attempt begins its files lie where they were
    [attempt] = found(recorded_group)
    assert isinstance(attempt, Attempt)
    assert (attempt.number, attempt.folder, attempt.said["state"]) == (1, first.folder, "failed")
    set_aside(first.folder, 1)
    second = Recording(recorded_group)
    talk(second, 1)
    attempts = found(recorded_group)
    assert [(one.number, one.is_last, one.name) for one in attempts if isinstance(one, Attempt)] == [
        (1, False, "group/toy-a_seed0/1"),
        (2, True, "group/toy-a_seed0/2"),
    ]
    target = second.folder.parent / "first.json"
    for attempt, calls in zip(attempts, (2, 1), strict=True):
        assert isinstance(attempt, Attempt)
        written = write_trajectory(attempt, target, pytest.fail)
        assert written is not None and written.calls == calls and "answer 1" in target.read_text()


def test_a_run_that_has_not_begun_has_no_attempt(recorded_group: Group) -> None:
    assert found(recorded_group) == []


def test_a_damaged_record_is_named_and_other_runs_go_on(tmp_path: Path) -> None:
    group = make_group(tmp_path, seeds=(0, 1))
    for seed in (0, 1):
        talk(Recording(group, seed), 1)
    (group.run_dir("toy-a_seed0") / "run.json").write_text("{")
    damaged, whole = found(group)
    assert isinstance(damaged, Unreadable) and damaged.sentence.startswith("group/toy-a_seed0 is skipped: cannot read")
    assert isinstance(whole, Attempt) and whole.run.seed == 1


def test_a_bundle_that_is_none_is_refused_with_the_command_that_says_more(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"PK")
    with (
        pytest.raises(UsageError, match=r"not a readable bundle .*`mlebench verify .*x.zip` says more"),
        attempts_in(str(path), tmp_path),
    ):
        pass
