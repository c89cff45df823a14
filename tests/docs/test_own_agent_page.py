"""The page on an agent of one's own works as it is printed: its files are written and its commands run, in an empty folder."""

from __future__ import annotations

import inspect
import json
import re
import shlex
import shutil
import textwrap
from pathlib import Path
from pkgutil import resolve_name

import pytest

from mlebench.agents import AgentFile
from mlebench.cli.main import main
from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord
from tests.gateway.asking import MODELS
from tests.gateway.provider import KEY, Answer, Provider

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "own-agent.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    [found] = re.findall(rf"^###? {re.escape(title)}\n(.*?)(?=^###? |\Z)", TEXT, flags=re.DOTALL | re.MULTILINE)
    return found


GUIDE = section("From nothing to an agent")
BLOCKS = re.findall(r"^   ```\w*\n(.*?)^   ```", GUIDE, re.DOTALL | re.MULTILINE)
FILES = {
    name: textwrap.dedent(block)
    for name, block in re.findall(r"^\d\. `([\w.]+)`[^`]*?:\n\n   ```\w+\n(.*?)^   ```", GUIDE, re.DOTALL | re.MULTILINE)
}
COMMANDS = [
    # with --from it converts an old agent, which is another guide
    *(line for line in re.findall(r"`(mlebench new-agent [^`]*)`", GUIDE) if "--from" not in line),
    *(line.strip() for block in BLOCKS for line in block.splitlines() if line.strip().startswith("mlebench ")),
]


class TestGuide:
    def test_it_shows_every_file_and_begins_with_making_the_folder(self) -> None:
        assert {"agent.yaml", "start.sh", "solve.py", "Dockerfile"} <= set(FILES)
        assert COMMANDS[0].startswith("mlebench new-agent") and COMMANDS[1].startswith("mlebench prepare")
        assert [line for line in COMMANDS if "--sandbox local" in line] != []
        assert [name for name in FILES if f"{name} " not in BLOCKS[0]] == []

    def test_its_agent_works_in_the_local_sandbox(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
        for line in COMMANDS:
            words = shlex.split(line)[1:]
            if words[0] == "run" and "local" not in words:
                # the same in a container: tests/sandbox/docker
                continue
            assert main(words) == 0, capsys.readouterr()
            if words[0] == "new-agent":
                for name, content in FILES.items():
                    (tmp_path / "my-agent" / name).write_text(content)
        reports = [json.loads(path.read_text()) for path in sorted((tmp_path / "runs").glob("*/grading_report.json"))]
        assert [report["total_valid_submissions"] for report in reports] == [1, 1]
        assert all(report["competition_reports"][0]["score"] < 0.6 for report in reports)
        logs = {path.parent.parent.name.partition("_")[2] for path in (tmp_path / "runs").glob("*/*/run.log")}
        assert logs == {"my-agent", "my-agent-deep"}


class TestKeys:
    def test_keys_of_agent_yaml_are_all_that_there_are(self) -> None:
        cells = re.findall(r"^\| (`.*?) \|", section("agent.yaml"), flags=re.MULTILINE)
        assert {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)} == set(AgentFile.model_fields)

    def test_stages_are_all_that_there_are(self) -> None:
        named = re.findall(r"^\| `(\w+)` \|", section("Build stages"), flags=re.MULTILINE)
        assert sorted(named) == sorted(path.parent.name for path in (ROOT / "containers" / "stages").glob("*/Dockerfile"))


def test_names_of_the_common_ground_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "containers" / "runtime")
    rows = re.findall(r"^\| `(mlebench_agent\.[\w.]+)` \| (.*) \|$", section("The common ground: `mlebench_agent`"), re.MULTILINE)
    assert len(rows) > 5
    for name, described in rows:
        source = inspect.getsource(inspect.getmodule(resolve_name(name)))
        for word in re.findall(r"`(\w+)`", described):
            assert re.search(rf"^( *def |class |    | +self\.){word}\b", source, re.MULTILINE), (name, word)


PROGRAM = """
import os
import pandas as pd
test = pd.read_csv(os.environ["DATA_DIR"] + "/test.csv")
answer = pd.DataFrame(1 / 3, index=test.index, columns=pd.read_csv(os.environ["DATA_DIR"] + "/train.csv")["cultivar"].unique())
answer.insert(0, "id", test["id"])
answer.to_csv(os.environ["SUBMISSION_DIR"] + "/submission.csv", index=False)
"""
MY_CODER = """#!/usr/bin/env python3
import json, os, pathlib, subprocess, sys
home = pathlib.Path(os.environ["MY_CODER_HOME"])
(home / f"call-{len(list(home.glob('call-*')))}.json").write_text(json.dumps([sys.argv[1:], sys.stdin.read()]))
print(json.dumps({"text": "I write a program"}))
print("plain words")
(home / "usage.json").write_text(json.dumps({"input_tokens": 70, "output_tokens": 7}))
subprocess.run([sys.executable, "-c", os.environ["PROGRAM"]], check=True)
"""


class TestExamples:
    @pytest.fixture(autouse=True)
    def place(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
        monkeypatch.setenv("SCRIPTED_KEY", KEY)
        assert main(["prepare", "demo-wine"]) == 0

    def run(self, folder: Path, provider: Provider, *words: str) -> tuple[Group, RunRecord]:
        models = folder.parent / "models.yaml"
        models.write_text(MODELS.format(url=provider.base_url("chat")))
        command = ["run", "--agent", str(folder), "-c", "demo-wine", "--profile", "demo", "--sandbox", "plain", "--models",
                   str(models), "--argument", "model=m", "--name", "group", *words]  # fmt: skip
        assert main(command) == 0
        group = Group.open(folder.parent / "runs" / "group")
        [record] = group.records()
        return group, record

    def log(self, group: Group) -> str:
        return (group.folder / "demo-wine_seed0" / "run.log").read_text()

    def test_the_agent_that_asks_a_model_repairs_its_program(self, tmp_path: Path) -> None:
        folder = written(tmp_path / "one-piece", section("An agent that asks a model"))
        with Provider(KEY) as provider:
            provider.script = [Answer(text="raise OSError('no such luck')"), Answer(text=f"```python{PROGRAM}```\n")]
            group, record = self.run(folder, provider)
            asked = [received.content["messages"] for received in provider.received]
        assert record.has_valid_submission and record.reason == "exited"
        assert [len(messages) for messages in asked] == [1, 3]
        assert "no such luck" in asked[1][-1]["content"]
        assert "DESCRIPTION" in asked[0][0]["content"]
        assert "try 2: valid" in self.log(group)
        assert (record.usage["calls"], record.reported_usage["calls"]) == (2, 2)

    def test_the_agent_to_copy_works_as_a_copy(self, tmp_path: Path) -> None:
        folder = tmp_path / "my-react"
        shutil.copytree(ROOT / "agents" / "react", folder)
        with Provider(KEY) as provider:
            provider.script = [Answer(tool=("bash", {"command": f"python - <<'END'\n{PROGRAM}\nEND"})), Answer(text="Done.")]
            group, record = self.run(folder, provider)
        assert record.has_valid_submission and record.reason == "exited"
        assert "Done." in self.log(group)

    def test_it_ends_with_its_budget(self, tmp_path: Path) -> None:
        folder = written(tmp_path / "one-piece", section("An agent that asks a model"))
        with Provider(KEY) as provider:
            provider.script = [Answer(text=f"{PROGRAM}\nraise OSError('too late')")]
            group, record = self.run(folder, provider, "--budget", "calls=1")
        assert record.has_valid_submission and record.reason == "budget-exhausted"
        assert "no further try: " in self.log(group)

    def test_the_program_with_a_command_line_becomes_an_agent(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = written(tmp_path / "my-coder", section("A command-line program as an agent"))
        # the page gives the other two files for the example above
        (folder / "agent.yaml").write_text(f"arguments: {{model: m}}\nenvironment: {{PROGRAM: {json.dumps(PROGRAM)}}}\n"
                                           "resources: {network: models}\n")  # fmt: skip
        (folder / "start.sh").write_text('exec python "$AGENT_DIR/my_coder.py" "$@"\n')
        program = tmp_path / "bin" / "my-coder"
        program.parent.mkdir()
        program.write_text(MY_CODER)
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=":")
        with Provider(KEY) as provider:
            group, record = self.run(folder, provider)
        assert record.has_valid_submission
        assert record.reported_usage == {"input_tokens": 70, "output_tokens": 7}
        assert "\nI write a program\nplain words\n" in self.log(group)
        [kept] = (group.folder / "demo-wine_seed0" / "logs" / "my-coder").glob("call-*")
        words, prompt = json.loads(kept.read_text())
        assert words == ["--model", "m", "--json"] and "DESCRIPTION" in prompt


def written(folder: Path, text: str) -> Path:
    """A folder with the files that a section shows."""
    folder.mkdir()
    for language, block in re.findall(r"^```(yaml|sh|python)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        name = {"yaml": "agent.yaml", "sh": "start.sh"}.get(language) or f"{folder.name.replace('-', '_')}.py"
        (folder / name).write_text(block)
    return folder
