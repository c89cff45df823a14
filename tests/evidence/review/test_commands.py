"""What an agent did is told from every form in which agents write it down, and not from words about it."""

from __future__ import annotations

import json

import pytest

from mlebench.evidence.review.commands import Action, actions_of, is_command, is_submission_path, of_call
from mlebench.evidence.review.said import ToolCall
from tests.evidence.review.scripted_runs import STYLES, Script, Scripts

COMMANDS = ["ls -la /home/data", "cd /tmp && wget -q http://x.org/a.csv", "python train.py --epochs 3 | tee out.log"]
PROGRAM = "import pandas as pd\nprint(pd.__version__)\n"


def done(scripts: Scripts, script: Script) -> list[Action]:
    scripts.group("group", [script])
    with scripts.reviewed() as [group]:
        return list(actions_of(group.runs[0]))


@pytest.mark.parametrize("style", STYLES)
def test_each_style_tells_the_commands(style: str, scripts: Scripts) -> None:
    actions = done(scripts, Script(style=style, commands=COMMANDS))
    told = "\n".join(action.text for action in actions if action.kind == "shell")
    assert [command for command in COMMANDS if command not in told] == []
    assert all(action.ran for action in actions)


@pytest.mark.parametrize("style", [style for style in STYLES if style != "trace log"])
def test_each_style_tells_files_that_were_written(style: str, scripts: Scripts) -> None:
    actions = done(scripts, Script(style=style, writes={"/home/code/solve.py": PROGRAM}))
    [program] = [action for action in actions if action.kind == "python"]
    assert program.text.strip() == PROGRAM.strip()
    assert "/home/code/solve.py" in [action.path for action in actions]


@pytest.mark.parametrize(
    ("name", "arguments", "kind", "text"),
    [
        ("execute_bash", {"command": "ls"}, "shell", "ls"),
        ("shell", {"command": ["bash", "-lc", "ls | wc"]}, "shell", "ls | wc"),
        ("local_shell", {"command": ["git", "log"]}, "shell", "git log"),
        ("run_command", {"cmd": "ls"}, "shell", "ls"),
        ("python", {"code": "x = 1"}, "python", "x = 1"),
        ("execute_ipython_cell", {"code": "x = 1"}, "python", "x = 1"),
        ("python", "x = 1", "python", "x = 1"),
        ("str_replace_based_edit_tool", {"command": "create", "path": "a.txt", "file_text": "b"}, "write", "b"),
        ("str_replace_editor", {"command": "str_replace", "path": "a.txt", "old_str": "a", "new_str": "b"}, "edit", "b"),
        ("Edit", {"file_path": "a.txt", "old_string": "a", "new_string": "b"}, "edit", "b"),
        ("MultiEdit", {"file_path": "a.txt", "edits": [{"old_string": "a", "new_string": "b"}]}, "edit", "b"),
        ("replace", {"file_path": "a.txt", "old_string": "a", "new_string": "b"}, "edit", "b"),
        ("write", {"filePath": "a.txt", "content": "b"}, "write", "b"),
        ("apply_patch", {"input": "*** Begin Patch\n*** Add File: a.txt\n+b\n*** End Patch"}, "write", "b"),
    ],
)
def test_calls_of_many_agents(name: str, arguments: object, kind: str, text: str) -> None:
    [action] = of_call(ToolCall(name, arguments), "log")
    assert (action.kind, action.text) == (kind, text)
    assert kind not in ("write", "edit") or action.path == "a.txt"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("view", {"command": "view", "path": "a.txt"}),
        ("read_file", {"path": "a.txt"}),
        ("think", {"thought": "rm -rf /"}),
        ("x", None),
        ("x", 3),
    ],
)
def test_calls_that_change_nothing(name: str, arguments: object) -> None:
    assert list(of_call(ToolCall(name, arguments), "log")) == []


def test_words_about_commands_are_none(scripts: Scripts) -> None:
    log = (
        "I could run wget http://x.org now.\n$5 was the price\n> a quotation\n+ import os\n+ added a "
        "line\nRunning: the third experiment\n"
    )
    outputs = {"ls": "$ wget http://x.org/from-an-output"}
    actions = done(scripts, Script(style="chat", commands=["ls"], outputs=outputs, logs={"diary.md": log}))
    assert [action.text for action in actions] == ["ls"]


def test_a_closing_word_of_an_agent_with_tools_is_no_command(scripts: Scripts) -> None:
    scripts.group("group", [Script(style="chat", commands=["ls"])])
    with scripts.reviewed() as [group]:
        [run] = group.runs
        assert [action.text for action in actions_of(run)] == ["ls"]


def test_magics_and_system_calls_of_programs_are_commands(scripts: Scripts) -> None:
    cells = [{"cell_type": "code", "source": "!pip list\nimport os\nos.system('wget http://x.org/a')\n%%time\nx = 1"}]
    code = {"a.ipynb": json.dumps({"cells": cells}), "b.py": "import subprocess\nsubprocess.run(['curl', 'http://y.org'])\n"}
    shell = [action.text for action in done(scripts, Script(code=code)) if action.kind == "shell"]
    assert shell == ["pip list", "wget http://x.org/a", "curl http://y.org"]


def test_here_documents_are_taken_out_of_their_commands(scripts: Scripts) -> None:
    command = "cat > a.py <<'EOF'\nx = 1\nEOF\npython a.py && cat <<END > b.txt\n$ wget http://x.org\nEND\necho done"
    actions = done(scripts, Script(commands=[command]))
    kinds = [(action.kind, action.text.strip(), action.path) for action in actions]
    assert ("write", "x = 1", "a.py") in kinds
    assert ("python", "x = 1", "") in kinds
    assert ("write", "$ wget http://x.org", "b.txt") in kinds
    [shell] = [action.text for action in actions if action.kind == "shell"]
    assert "wget" not in shell
    assert "echo done" in shell


@pytest.mark.parametrize("line", ["ls", "sudo apt-get update", "X=1 python a.py", "/usr/bin/curl x", "(cd a && ls)"])
def test_commands(line: str) -> None:
    assert is_command(line)


@pytest.mark.parametrize("line", ["the data", "import os", "5 runs", "", "Python is installed"])
def test_no_commands(line: str) -> None:
    assert not is_command(line)


def test_submissions_are_known_by_their_paths() -> None:
    assert all(
        map(
            is_submission_path,
            ("/home/submission/submission.csv", "submission.csv", "sub_v2.csv", "my_submission.csv", "preds.csv"),
        )
    )
    assert not any(map(is_submission_path, ("train.csv", "/home/data/test.csv", "subway.csv", "submit.py", "a.txt")))


@pytest.mark.parametrize(
    "line",
    [
        "$ wget -q http://x.org/a.csv",
        "root@3f2a:/home/code# wget -q http://x.org/a.csv",
        "bash-5.1$ wget -q http://x.org/a.csv",
        "(venv) me@box:~$ wget -q http://x.org/a.csv",
        "[10:31:07] [agent] $ wget -q http://x.org/a.csv",
        "2026-05-04 10:00:00,123 INFO agent: Running command: wget -q http://x.org/a.csv",
        "2026-05-04T10:00:00Z | Executing: wget -q http://x.org/a.csv",
        "Running `wget -q http://x.org/a.csv`",
        "Action Input: wget -q http://x.org/a.csv",
        "> bash wget -q http://x.org/a.csv",
        "+ wget -q http://x.org/a.csv",
        "bash(command='wget -q http://x.org/a.csv')",
        "<execute_bash>wget -q http://x.org/a.csv</execute_bash>",
        '{"tool": "terminal", "input": "wget -q http://x.org/a.csv"}',
        '{"step": 3, "bash": "wget -q http://x.org/a.csv"}',
        '{"type": "exec", "argv": ["wget", "-q", "http://x.org/a.csv"]}',
        '{"message": {"tool_calls": [{"function": {"name": "sh", "arguments": "{\\"cmd\\": \\"wget -q http://x.org/a.csv\\"}"}}]}}',
        '12:00 said {"no": "json at the beginning"}\n$ wget -q http://x.org/a.csv',
        "```\nwget -q http://x.org/a.csv\n```",
    ],
)
def test_lines_of_many_logs(line: str, scripts: Scripts) -> None:
    actions = done(scripts, Script(logs={"agent.log": f"begin\n{line}\nend\n"}))
    assert [action.text.strip() for action in actions] == ["wget -q http://x.org/a.csv"]


def test_what_was_typed_at_a_prompt_of_python_is_a_program(scripts: Scripts) -> None:
    log = ">>> import os\n>>> for x in os.listdir('/'):\n...     print(x)\n... \nbin\nIn [4]: y = 1\n"
    [action] = done(scripts, Script(logs={"session.txt": log}))
    assert (action.kind, action.text) == ("python", "import os\nfor x in os.listdir('/'):\n    print(x)\n\ny = 1")


def test_programs_among_logs_were_run(scripts: Scripts) -> None:
    [action] = done(scripts, Script(logs={"aide/best_solution.py": PROGRAM}))
    assert (action.kind, action.ran) == ("python", True)
