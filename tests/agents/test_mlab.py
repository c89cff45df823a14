"""The agent mlab: what it reads in responses, and its actions, run directly before a scripted provider."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mlebench.agents import get_agent
from tests.agents.home import ROOT, Home, failing, saying
from tests.agents.packaged.text_model import Step, TextModel, step_text
from tests.gateway.provider import KEY, Answer, Provider, Received

FOLDER = ROOT / "agents" / "mlab"
_SPEC = importlib.util.spec_from_file_location("mlab_response", FOLDER / "response.py")
assert _SPEC is not None and _SPEC.loader is not None
response = sys.modules["mlab_response"] = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(response)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider(KEY) as made:
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def observations(home: Home) -> list[str]:
    """What the steps brought, in their order."""
    return [line["observation"] for line in home.lines("logs/mlab/trajectory.jsonl") if "observation" in line]


def work(home: Home, provider: Provider, steps: Sequence[Step], code: str = "", *words: str) -> tuple[TextModel, list[str]]:
    """Let a scripted model take steps, and return it with what it observed."""
    model = TextModel(steps, code)
    provider.answer = model
    done = home.run("mlab", provider, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return model, observations(home)


@pytest.mark.parametrize(
    "text",
    [
        step_text("Read File", {"file_name": "a.py"}),
        '**Thought:** so\n**Action:** Read File\n**Action Input:** {"file_name": "a.py"}',
        '## Action: `Read File`\n### Action Input:\n```json\n{\n  "file_name": "a.py"\n}\n```\nThat is all.',
        'action: "Read File".\naction input: {"file_name": "a.py"}',
        "Action: [Read File]\nAction Input: {'file_name': 'a.py'}",
        'Action: Read File\nAction Input: {"file_name": "a.py"}\nObservation: it holds 3\nAction: Final Answer\nAction Input: {}',
        'Thought: I could\nAction Input: {}\nAction: Read File\nAction Input: {"file_name": "a.py"} {"file_name": "b.py"}',
        '- Action: Read File\r\n- Action Input: {"file_name": "a.py"}\r\n',
    ],
)
def test_a_step_is_read_however_it_is_decorated(text: str) -> None:
    read = response.parse(text)
    assert (read.action, read.action_input) == ("Read File", {"file_name": "a.py"})


@pytest.mark.parametrize(
    ("written", "content"),
    [
        ('{"content": "a = 1\nAction: b\nAction Input: {}\n"}', "a = 1\nAction: b\nAction Input: {}\n"),
        ('{"content": """a = {"b": 1}\nprint("c")\n"""}', 'a = {"b": 1}\nprint("c")\n'),
        ("{'content': 'it is \"so\"'}", 'it is "so"'),
        ('{"content": "a } b { c"}', "a } b { c"),
        ('{"content": "tab\there"}', "tab\there"),
    ],
)
def test_texts_within_the_input_are_read_as_they_are_meant(written: str, content: str) -> None:
    assert response.parse(f"Thought: x\nAction: Write File\nAction Input: {written}").action_input == {"content": content}


def test_thoughts_are_kept_by_heading_and_what_follows_is_dropped() -> None:
    read = response.parse(
        "Reflection: one\ntwo\n\nResearch Plan and Status:\n1. look\nNote: not a heading\nAction: List Files\n"
        'Action Input: {"dir_path": "."}\nObservation: I see gold'
    )
    assert read.thoughts == {"Reflection": "one\ntwo", "Research Plan and Status": "1. look\nNote: not a heading"}
    assert read.text.endswith('Action: List Files\nAction Input: {"dir_path": "."}')


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "there is no line that begins with `Action:`"),
        ("I would rather talk about the weather.", "there is no line that begins with `Action:`"),
        ("Action:\nAction Input: {}", "there is no line that begins with `Action:`"),
        ("Action: Read File", "there is no `Action Input:`"),
        ("Action: Read File\nAction Input: a.py", "not a JSON object"),
        ("Action: Read File\nAction Input: [1]", "not a JSON object"),
        ('Action: Read File\nAction Input: {"file_name": "a', "not valid JSON"),
        ("Action: Read File\nAction Input: {'a', 'b'}", "not valid JSON"),
        ("Action: Read File\nAction Input: {__import__('os').system('true'): 1}", "not valid JSON"),
        ("Action: Read File\nAction Input: " + '{"a":' * 100_000, "not valid JSON"),
        ("Action: Read File\nAction Input: " + "{" * 5_000 + "}" * 5_000, "not valid JSON"),
        ("Action: Read File\nAction Input: {'a': '\0'", "not valid JSON"),
    ],
)
def test_what_cannot_be_read_is_explained(text: str, problem: str) -> None:
    with pytest.raises(response.Malformed, match=problem):
        response.parse(text)


def test_an_unreadable_response_is_asked_for_again(home: Home, provider: Provider) -> None:
    provider.script = [
        Answer(text="Let me think."),
        Answer(text="Thought: I dance.\nAction: Dance\nAction Input: {}"),
        Answer(text=step_text("List Files", {"dir_path": "."})),
    ]
    _, observed = work(home, provider, [])
    assert observed == ["data/"]
    second, third = (received.content["messages"] for received in provider.received[1:3])
    assert [message["role"] for message in third] == ["user", "assistant", "user", "assistant", "user"]
    assert second[1]["content"] == "Let me think." and "there is no line that begins with `Action:`" in second[2]["content"]
    assert "there is no action `Dance`; there are List Files" in third[4]["content"]


def test_one_that_is_never_readable_counts_as_a_step(home: Home, provider: Provider) -> None:
    provider.answer = saying({"content": "Thought: I begin w"}, "length")
    done = home.run("mlab", provider, "max_steps=2")
    assert (done.returncode, len(provider.received)) == (0, 6)
    assert "mlab: all 2 steps are taken" in done.stdout
    assert "your response was cut off" in json.dumps(provider.received[3].content)


def test_files_are_written_copied_inspected_and_edits_taken_back(home: Home, provider: Provider) -> None:
    steps: list[Step] = [
        ("Write File", {"file_name": "src/a.py", "content": "one\ntwo\n"}),
        ("append file", {"file_name": "src/a.py", "content": "three\n"}),
        ("Copy File", {"source": "src/a.py", "destination": "new/b.py"}),
        ("Read File", {"file_name": "new/b.py"}),
        ("Inspect Script Lines", {"script_name": "src/a.py", "start_line_number": "2", "end_line_number": 99}),
        ("Undo Edit Script", {"script_name": "src/a.py"}),
        ("Undo Edit Script", {"script_name": "src/a.py"}),
        ("List Files", {"dir_path": "src"}),
        ("Undo Edit Script", {"script_name": "src/a.py"}),
    ]
    _, observed = work(home, provider, steps)
    assert observed[0] == "src/a.py was written, with 2 lines."
    assert observed[1].startswith("src/a.py was changed:\n") and observed[1].endswith("+three")
    assert observed[3] == "one\ntwo\nthree\n"
    assert observed[4] == "src/a.py has 3 lines.\n2: two\n3: three"
    assert observed[5].endswith("one\ntwo\n")
    assert observed[7:] == ["(no files)", "The action failed: there is no earlier edit of src/a.py"]


@pytest.mark.parametrize(
    ("action", "given", "said"),
    [
        ("Read File", {}, "the input of Read File lacks file_name"),
        ("Read File", {"file_name": 3}, "`file_name` is a text"),
        ("Read File", {"file_name": "none"}, "there is no file none"),
        ("Read File", {"file_name": "/dev/zero"}, "there is no file /dev/zero"),
        ("Read File", {"file_name": "a\0b"}, "there is no file"),
        ("List Files", {"dir_path": "none"}, "FileNotFoundError"),
        ("Write File", {"file_name": "data/train.csv", "content": "x"}, "the data is read-only"),
        ("Write File", {"file_name": "data", "content": "x"}, "the data is read-only"),
        ("Write File", {"file_name": ".", "content": "x"}, "failed"),
        ("Write File", {"file_name": "a.py", "content": "\ud83d"}, "UnicodeEncodeError"),
        ("Copy File", {"source": "data/description.md", "destination": "data/x"}, "the data is read-only"),
        ("Copy File", {"source": "none", "destination": "x"}, "FileNotFoundError"),
        ("Execute Script", {"script_name": "none.py"}, "there is no script none.py"),
        (
            "Inspect Script Lines",
            {"script_name": "data/description.md", "start_line_number": "one", "end_line_number": 2},
            "whole number",
        ),
        (
            "Inspect Script Lines",
            {"script_name": "data/description.md", "start_line_number": 1, "end_line_number": None},
            "whole number",
        ),
        (
            "Edit Script (AI)",
            {"script_name": "a.py", "edit_instruction": "x", "save_name": "data/a.py"},
            "the data is read-only",
        ),
    ],
)
def test_what_cannot_be_done_is_observed(
    home: Home, provider: Provider, action: str, given: Mapping[str, Any], said: str
) -> None:
    _, [observed] = work(home, provider, [(action, given)], "x = 1\n")
    assert observed.startswith("The action failed: ") and said in observed
    assert not (home.folder / "data" / "train.csv").exists()


def test_scripts_run_within_bounds_and_are_kept(home: Home, provider: Provider) -> None:
    submission = home.folder / "submission" / "submission.csv"
    script = f"open('out.csv', 'w')\nopen({str(submission)!r}, 'w').write('id,y\\n')\nprint('x' * 50_000)\nraise SystemExit(3)\n"
    slow = "import time\nprint('begun', flush=True)\nopen('begun', 'w')\ntime.sleep(1000)\n"
    steps: list[Step] = [
        ("Write File", {"file_name": "src/solve.py", "content": script}),
        ("Execute Script", {"script_name": "src/solve.py"}),
        ("Write File", {"file_name": "venv/lib/site-packages/x/a.py", "content": ""}),
        ("Write File", {"file_name": ".cache/a.py", "content": ""}),
        ("Write File", {"file_name": "slow.py", "content": slow}),
        ("Execute Script", {"script_name": "slow.py"}),
    ]
    home.begin_limits_at("workspace/begun")
    _, observed = work(home, provider, steps, "", "command_timeout=1")
    assert observed[1].startswith("xxx") and observed[1].endswith("xxx\n[exit code 3]") and len(observed[1]) < 13_000
    assert observed[5] == "begun\n[ended, as it took longer than 1 seconds]"
    kept = sorted(str(path.relative_to(home.folder / "code")) for path in (home.folder / "code").rglob("*") if path.is_file())
    assert kept == ["slow.py", "src/solve.py"]
    assert submission.read_text() == "id,y\n"


def test_scripts_are_edited_by_another_model_as_a_whole_or_in_part(home: Home, provider: Provider) -> None:
    edit = {"edit_instruction": "Print more.", "save_name": "b.py"}
    steps: list[Step] = [
        ("Edit Script (AI)", {"script_name": "new.py", **edit}),
        ("Write File", {"file_name": "a.py", "content": "first\nsecond\nthird\n"}),
        ("Edit Script Segment (AI)", {"script_name": "a.py", "start_line_number": 2, "end_line_number": 2, **edit}),
        ("Edit Script Segment (AI)", {"script_name": "a.py", "start_line_number": 9, "end_line_number": 12, **edit}),
    ]
    model, observed = work(home, provider, steps, "print(1)\nprint(2)\n", "edit_model=editor", "fast_model=reader")
    assert observed[0] == "b.py was written, with 2 lines."
    assert observed[2].splitlines()[0] == "b.py was changed:"
    assert (home.folder / "workspace" / "b.py").read_text() == "first\nprint(1)\nprint(2)\nthird\n"
    assert "a.py has 3 lines, and none from 9 to 12" in observed[3]
    assert "lines 2 to 2 of the Python script a.py" in "".join(model.others) and "Print more." in "".join(model.others)
    assert model.models == {"step": {"a-model"}, "edit": {"editor"}, "other": {"reader"}}


def test_an_edit_without_code_changes_nothing(home: Home, provider: Provider) -> None:
    def answer(received: Received) -> Answer:
        return Answer(text="I will not.") if b"INSTRUCTION" in received.body else model(received)

    model = TextModel([("Edit Script (AI)", {"script_name": "a.py", "edit_instruction": "x", "save_name": "a.py"})])
    provider.answer = answer
    assert home.run("mlab", provider).returncode == 0
    assert "returned no code; nothing was changed" in observations(home)[0]
    assert not (home.folder / "workspace" / "a.py").exists()


def test_of_several_blocks_the_script_is_taken(home: Home, provider: Provider) -> None:
    script = 'def show():\n    text = """\n    ```\n    """\n    print(text)\n'

    def answer(received: Received) -> Answer:
        said = f"First:\n```bash\npip list\n```\nThen\n```python\n{script}```\nRun it:\n```\npython a.py\n```\n"
        return Answer(text=said) if b"INSTRUCTION" in received.body else model(received)

    model = TextModel([("Edit Script (AI)", {"script_name": "a.py", "edit_instruction": "x", "save_name": "a.py"})])
    provider.answer = answer
    assert home.run("mlab", provider).returncode == 0
    assert (home.folder / "workspace" / "a.py").read_text() == script


def test_long_files_are_understood_in_parts(home: Home, provider: Provider) -> None:
    (home.folder / "data" / "long.csv").write_text("0123456789" * 5_000)
    (home.folder / "data" / "longest.csv").write_text("0123456789" * 50_000)
    look = {"things_to_look_for": "the digits"}
    steps: list[Step] = [("Understand File", {"file_name": f"data/{name}.csv", **look}) for name in ("long", "longest")]
    model, observed = work(home, provider, steps)
    assert observed[0] == "It was as it was."
    assert observed[1] == "It was as it was.\n[the last 340000 characters were not read]"
    assert len(model.others) == (3 + 1) + (8 + 1)
    assert all("the digits" in prompt for prompt in model.others)


def test_earlier_steps_are_in_the_research_log_and_the_latest_in_full(home: Home, provider: Provider) -> None:
    steps: list[Step] = [("Write File", {"file_name": f"{number}.md", "content": f"text {number}"}) for number in range(1, 6)]
    steps += [
        ("Append Summary to Research Log", {"content": "The number is 42."}),
        ("Reflection", {"things_to_reflect_on": "the number"}),
        ("Retrieval from Research Log", {"current_plan": "use the number"}),
    ]
    model, observed = work(home, provider, steps)
    last = model.prompts[-1]
    assert "STEP 5" not in last and "STEP 6" in last and "STEP 8" in last
    assert "## Step 1\n\nIt was as it was." in last and "The number is 42." in last
    assert "text 1" not in last
    assert "STEP 1\n" in model.others[0] and "text 1" in model.others[0]
    assert "The number is 42." in next(prompt for prompt in model.others if "Reflect on" in prompt)
    assert observed[-1] == "It was as it was."
    log = (home.folder / "logs" / "mlab" / "research_log.md").read_text()
    assert [line for line in log.splitlines() if line.startswith("## ")] == [
        "## Step 1", "## Step 2", "## Summary", "## Step 3", "## Step 4", "## Step 5"
    ]  # fmt: skip


def test_of_a_long_log_a_model_picks_what_matters_to_the_plan(home: Home, provider: Provider) -> None:
    steps: list[Step] = [("Append Summary to Research Log", {"content": "long " * 4_000}), ("List Files", {"dir_path": "."})]
    model, _ = work(home, provider, steps)
    assert "RESEARCH LOG\nIt was as it was.\n" in model.prompts[1]
    assert "PLAN\nLook, then submit." in model.others[0]


def test_where_the_model_has_no_room_steps_are_shown_shorter(home: Home, provider: Provider) -> None:
    def answer(received: Received) -> Answer:
        long = len(received.body) > 25_000
        return failing(400, "prompt is too long: 9 tokens > 8 maximum") if long else model(received)

    (home.folder / "data" / "a.md").write_text("0123456789" * 1_100)
    model = TextModel([("Read File", {"file_name": "data/a.md"})] * 8)
    provider.answer = answer
    done = home.run("mlab", provider)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(observations(home)) == 8
    provider.answer = failing(400, "prompt is too long: 9 tokens > 8 maximum")
    done = home.run("mlab", provider)
    assert done.returncode == 1 and "mlab: the model does not answer: HTTP 400: prompt is too long" in done.stdout


def test_steps_are_bounded_and_told(home: Home, provider: Provider) -> None:
    model, _ = work(home, provider, [("List Files", {"dir_path": "."})] * 9, "", "max_steps=3")
    assert [prompt[-60:].split(" and ")[1] for prompt in model.prompts] == [
        f"{left} steps left. Write your next step now." for left in (3, 2, 1)
    ]


def test_a_final_answer_ends_it_unless_it_is_to_go_on(home: Home, provider: Provider) -> None:
    model, observed = work(home, provider, [("Final Answer", {})], "")
    assert (len(model.prompts), observed) == (1, [])
    model, observed = work(
        home, provider, [("Final Answer", {}), ("List Files", {"dir_path": "."})], "", "continue=true", "max_steps=2"
    )
    assert re.match(r"You still have 5\d minutes\. There is no submission yet", observed[0])
    assert re.search(r"You still have 5\d minutes", model.prompts[1]) and "Action: Final Answer" in model.prompts[1]


def test_a_spent_budget_keeps_what_was_written(home: Home, provider: Provider) -> None:
    spent = failing(400, "the run's budget for models is spent: 1 calls of 1 calls are used", "insufficient_quota")
    provider.script = [Answer(text=step_text("Write File", {"file_name": "a.py", "content": "1"})), spent]
    done = home.run("mlab", provider)
    assert done.returncode == 0
    assert "mlab: the run's budget for models is spent: 1 calls of 1 calls are used; the latest submission counts" in done.stdout
    assert (home.folder / "code" / "a.py").read_text() == "1"
    assert home.usage == {"calls": 1, "input_tokens": 100, "output_tokens": 7, "steps": 2}


def test_the_end_of_the_time_keeps_what_was_written(home: Home, provider: Provider) -> None:
    script = "import os, time\nopen('pid', 'w').write(str(os.getpid()))\nos.kill(os.getppid(), 15)\ntime.sleep(100)\n"
    steps: list[Step] = [("Write File", {"file_name": "a.py", "content": script}), ("Execute Script", {"script_name": "a.py"})]
    provider.answer = TextModel(steps)
    done = home.run("mlab", provider)
    assert done.returncode == 128 + signal.SIGTERM
    assert (home.folder / "code" / "a.py").read_text() == script
    assert home.usage["calls"] == 2
    os.kill(int((home.folder / "workspace" / "pid").read_text()), signal.SIGKILL)


def test_its_models_are_those_that_were_named() -> None:
    agent = get_agent("mlab").with_arguments({"edit_model": "gpt-5"})
    assert agent.models == ["gpt-5.1", "gpt-5"]
    assert agent.dialects == ("chat",)
