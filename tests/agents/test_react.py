"""The agent react, run directly before a scripted provider."""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlebench.agents import get_agent
from tests.agents.home import ROOT, Home, calling, failing, results_in, saying
from tests.gateway.provider import KEY, Answer, Provider, Received
from tests.waiting import wait_until

SPENT = failing(400, "the run's budget for models is spent: 3 of 3 calls are used", "insufficient_quota")
LONG = failing(400, "This model's maximum context length is 128000 tokens.", "context_length_exceeded")


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider(KEY) as made:
        made.answer = Answer(text="All is done.")
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def bash(command: str) -> Answer:
    return calling(("bash", {"command": command}))


def test_tools_do_the_work_and_the_conversation_is_kept(home: Home, provider: Provider) -> None:
    provider.script = [
        calling(
            ("write_file", {"path": "new/a.txt", "content": "one\ntwo\nthree"}),
            ("bash", {"command": "echo out; echo err >&2; exit 3"}),
        ),
        calling(("read_file", {"path": "new/a.txt", "first": 2, "last": 2}), ("check_submission", {"path": "new/a.txt"})),
        bash(f"echo id,y > {home.folder}/submission/submission.csv"),
        calling(("check_submission", {})),
    ]
    done = home.run("react", provider)
    assert done.returncode == 0, done.stderr
    written, failed, read, wrong, _, right = results_in(provider.received[-1])
    assert written == f"13 characters written to {home.folder}/code/new/a.txt"
    assert failed == "out\nerr\n[exit code 3]"
    assert (read, wrong, right) == ("two", "not valid: one\ntwo\nthree", "valid: the submission is valid")
    assert home.usage == {"calls": 5, "input_tokens": 4 * 100 + 100, "output_tokens": 5 * 7, "steps": 5}
    trajectory = home.lines("logs/react/trajectory.jsonl")
    assert [line["role"] for line in trajectory[:4]] == ["system", "user", "assistant", "tool"]
    assert trajectory[1]["content"].startswith("Work well.") and "Predict y." in trajectory[1]["content"]
    assert "> bash echo out; echo err >&2; exit 3" in done.stdout.splitlines()
    assert "[5] All is done." in done.stdout.splitlines()


def test_what_the_model_is_asked_depends_on_the_task_alone(tmp_path: Path, provider: Provider) -> None:
    for _ in range(2):
        home = Home(tmp_path / "same")
        provider.script = [bash("echo a")]
        assert home.run("react", provider, "temperature=0.5").returncode == 0
        home.folder.rename(tmp_path / f"done-{len(provider.received)}")
    first, second = ([json.loads(request.body) for request in provider.received[start : start + 2]] for start in (0, 2))
    assert first == second
    assert first[0]["temperature"] == 0.5 and "reasoning_effort" not in first[0]


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("bash", '{"command": "echo', "error: the arguments are not valid JSON"),
        ("bash", "[1]", "error: the arguments are not a JSON object"),
        ("bash", "{}", "error: bash needs the argument `command`"),
        ("bash", '{"command": 3}', "error: the argument `command` of bash must be of type string"),
        ("bash", '{"command": "a\\u0000b"}', "error: embedded null byte"),
        ("bash", '{"command": "echo \\ud83d"}', "error: 'utf-8' codec can't encode"),
        ("bash", '{"command": "true", "folder": "/"}', "error: bash has no argument `folder`; it takes command"),
        ("browse the web", '{"url": "x"}', "error: there is no tool `browse the web`; there are bash, read_file"),
        ("read_file", '{"path": "none.txt"}', "none.txt is not a file"),
        ("read_file", '{"path": "/dev/zero"}', "/dev/zero is not a file"),
        ("read_file", '{"path": "/"}', "/ is not a file"),
        ("write_file", '{"path": "/proc/x", "content": "a"}', "error: "),
        ("check_submission", '{"path": null}', "not valid"),
    ],
)
def test_wrong_calls_are_answered(home: Home, provider: Provider, name: str, arguments: str, said: str) -> None:
    provider.script = [calling((name, arguments))]
    done = home.run("react", provider)
    assert done.returncode == 0, done.stdout + done.stderr
    [result] = results_in(provider.received[-1])
    assert said in result
    [call] = provider.received[-1].content["messages"][2]["tool_calls"]
    # a provider refuses what it cannot read, also where its own model wrote it
    assert isinstance(json.loads(call["function"]["arguments"]), dict)
    assert call["function"]["name"].replace("_", "").isalnum()


def test_much_output_is_bounded(home: Home, provider: Provider) -> None:
    provider.script = [
        bash("echo first; head -c 200000000 /dev/zero | tr '\\0' x; echo; echo last"),
        bash("for i in 1 2 3; do printf '%s of 3\\r' $i; done; echo"),
    ]
    assert home.run("react", provider).returncode == 0
    much, progress = results_in(provider.received[-1])
    assert much.startswith("first\nxxx") and much.endswith("xxx\nlast\n[exit code 0]") and "left out]" in much
    assert len(much) < 17_000
    assert progress == "3 of 3\n[exit code 0]"


def test_a_command_that_takes_too_long_is_ended_with_all_that_belongs_to_it(home: Home, provider: Provider) -> None:
    provider.script = [bash("echo before; sleep 1000 & echo $! > pid; touch begun; wait")]
    home.begin_limits_at("code/begun")
    assert home.run("react", provider, "command_timeout=1").returncode == 0
    assert results_in(provider.received[-1]) == ["before\n[ended, as it took longer than 1 seconds]"]
    assert is_gone(int((home.folder / "code" / "pid").read_text()))


def test_what_runs_in_the_background_goes_on(home: Home, provider: Provider) -> None:
    provider.script = [
        bash("(until [ -e go ]; do sleep 0.05; done; echo more; echo done > result) & echo started"),
        bash("touch go; until [ -e result ]; do sleep 0.05; done; cat result"),
    ]
    assert home.run("react", provider).returncode == 0
    assert results_in(provider.received[-1]) == ["started\n[exit code 0]", "done\n[exit code 0]"]


def test_where_nobody_counts_tokens_characters_are_counted(home: Home, provider: Provider) -> None:
    uncounted = json.loads(bash("head -c 9000 /dev/zero | tr '\\0' x").body or b"")
    provider.script = [Answer(body=json.dumps({**uncounted, "usage": None}).encode())] * 20
    assert home.run("react", provider, "context_tokens=10000").returncode == 0
    assert len(provider.received) == 21
    assert max(len(json.dumps(request.content["messages"])) for request in provider.received) < 10_000 / 0.3


def test_without_a_limit_only_a_refusal_shortens(home: Home, provider: Provider) -> None:
    provider.script = [bash("head -c 9000 /dev/zero | tr '\\0' x")] * 3
    done = home.run("react", provider, "context_tokens=0")
    assert (done.returncode, "shortened" in done.stdout) == (0, False)
    assert [len(result) > 9000 for result in results_in(provider.received[-1])] == [True] * 3


def test_near_the_end_of_the_context_old_results_go_first(tmp_path: Path, provider: Provider) -> None:
    home = Home(tmp_path / "other", description="The task. " * 500)
    script = iter([bash(f"echo step {step}; head -c 9000 /dev/zero | tr '\\0' x") for step in range(40)])

    def answer(received: Received) -> Answer:
        length = len(received.body)
        if length > 60_000:
            return LONG
        usage = {"prompt_tokens": length // 4, "completion_tokens": 5}
        content = json.loads((next(script, None) or saying({"content": "done"})).body or b"")
        return Answer(body=json.dumps({**content, "usage": usage}).encode())

    provider.answer = answer
    done = home.run("react", provider, "context_tokens=14000")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the conversation was shortened from" in done.stdout
    last = provider.received[-1].content["messages"]
    assert last[1]["content"].count("The task.") == 500
    assert "step 39" in last[-1]["content"] and len(last[-1]["content"]) > 9000
    for request in provider.received:
        check_pairs(request)
    # every message is in the trajectory as it was
    results = [line for line in home.lines("logs/react/trajectory.jsonl") if line["role"] == "tool"]
    assert len(results) == 40 and all(len(line["content"]) > 9000 for line in results)


def test_a_refusal_for_length_shortens_until_it_fits(home: Home, provider: Provider) -> None:
    steps = [bash(f"echo step {step}; head -c 9000 /dev/zero | tr '\\0' x") for step in range(6)]
    provider.script = [*steps, LONG, LONG]
    done = home.run("react", provider)
    assert done.returncode == 0, done.stdout + done.stderr
    refused, again, once_more = provider.received[-3:]
    assert len(refused.body) > len(again.body) > len(once_more.body)
    for request in (refused, again, once_more):
        check_pairs(request)


def test_long_calls_are_dropped_where_nothing_else_helps(home: Home, provider: Provider) -> None:
    provider.script = [calling(("write_file", {"path": "a.txt", "content": "x" * 50_000}))] * 4
    provider.answer = lambda received: LONG if len(received.body) > 60_000 else Answer(text="All is done.")
    assert home.run("react", provider).returncode == 0
    last = provider.received[-1]
    check_pairs(last)
    assert [message["role"] for message in last.content["messages"]] == ["system", "user", "assistant", "tool"]


def test_a_task_that_never_fits_ends_with_a_clear_line(home: Home, provider: Provider) -> None:
    provider.answer = LONG
    done = home.run("react", provider)
    assert done.returncode == 1
    assert "react: the model a-model does not answer: HTTP 400: This model's maximum context length" in done.stdout


def test_a_spent_budget_ends_it_cleanly(home: Home, provider: Provider) -> None:
    provider.script = [bash("echo id,y > ../submission/submission.csv"), SPENT]
    done = home.run("react", provider, "continue=true")
    assert (done.returncode, len(provider.received)) == (0, 2)
    assert "react: the run's budget for models is spent: 3 of 3 calls are used; the latest submission counts" in done.stdout
    assert home.usage["calls"] == 1


def test_asked_to_go_on_it_does_with_the_same_conversation(home: Home, provider: Provider) -> None:
    provider.script = [bash("echo a"), Answer(text="I am done."), bash("echo b"), Answer(text="Again."), SPENT]
    assert home.run("react", provider, "continue=true").returncode == 0
    assert len(provider.received) == 5
    messages = provider.received[2].content["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool", "assistant", "user"]
    assert messages[-2]["content"] == "I am done."
    assert re.match(r"You still have 5\d minutes\. There is no submission yet", messages[-1]["content"])


def test_an_answer_that_was_cut_off_is_no_end(home: Home, provider: Provider) -> None:
    provider.script = [
        saying({"role": "assistant", "content": "I begin with"}, "length"),
        saying({"content": None, "tool_calls": []}, "stop"),
    ]
    assert home.run("react", provider).returncode == 0
    assert provider.received[1].content["messages"][-1]["content"].startswith("Your answer was cut off")
    assert len(provider.received) == 2


def test_what_it_used_is_known_however_it_ends(home: Home, provider: Provider) -> None:
    provider.script = [bash("echo $$ > pid; kill -9 $PPID; sleep 100")]
    assert home.run("react", provider).returncode == -signal.SIGKILL
    assert home.usage == {"calls": 1, "input_tokens": 100, "output_tokens": 7, "steps": 1}
    assert [line["role"] for line in home.lines("logs/react/trajectory.jsonl")] == ["system", "user", "assistant"]
    os.kill(int((home.folder / "code" / "pid").read_text()), signal.SIGKILL)


def test_steps_are_bounded_where_asked_for(home: Home, provider: Provider) -> None:
    provider.answer = bash("true")
    done = home.run("react", provider, "max_steps=3")
    assert (done.returncode, len(provider.received)) == (0, 3)
    assert "react: all 3 steps are taken" in done.stdout


def test_the_time_left_is_told_whenever_a_tenth_of_it_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "containers" / "runtime"))
    monkeypatch.syspath_prepend(str(ROOT / "agents" / "react"))
    for name in ("react", "tools"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    react = importlib.import_module("react")
    agent = object.__new__(react.Agent)
    agent.task, agent.told_at = SimpleNamespace(seconds_left=0.0, time_left="some minutes"), 1000.0
    told = []
    for agent.task.seconds_left in (990.0, 901.0, 900.0, 811.0, 810.0, 100.0, 10.0):
        if agent.time_note():
            told.append(agent.task.seconds_left)
    assert told == [900.0, 810.0, 100.0, 10.0]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("temperature=warm", "the argument `temperature` must be a number, not `warm`"),
        ("max_steps=many", "the argument `max_steps` must be a whole number, not `many`"),
        ("steps=3", "there is no argument `steps`; this agent takes command_timeout, context_tokens, continue, max_steps, model"),
    ],
)
def test_wrong_arguments_are_said(home: Home, provider: Provider, word: str, said: str) -> None:
    done = home.run("react", provider, word)
    assert done.returncode == 2 and said in done.stderr
    assert provider.received == []


def test_its_arguments_are_those_of_its_file_and_it_stays_short() -> None:
    folder = ROOT / "agents" / "react"
    assert sum(len(path.read_text().splitlines()) for path in folder.glob("*.py")) < 250
    words = get_agent("react").command_arguments
    assert [word.partition("=")[0] for word in words] == [
        "model", "max_steps", "command_timeout", "context_tokens", "temperature", "reasoning_effort", "continue"
    ]  # fmt: skip


def check_pairs(received: Received) -> None:
    """Every call is answered at once, as providers want it."""
    waiting: list[str] = []
    for message in received.content["messages"]:
        if message["role"] == "tool":
            assert message["tool_call_id"] == waiting.pop(0)
        else:
            assert waiting == []
            waiting = [call["id"] for call in message.get("tool_calls", [])]
    assert waiting == []


def is_gone(process: int) -> bool:
    def ended() -> bool:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        return "Z" in Path(f"/proc/{process}/stat").read_text().split(")")[1].split()[0]

    return wait_until(ended)
