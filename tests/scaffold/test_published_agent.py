"""An agent's folder written for the published harness becomes one of this harness, and what is left to do is listed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from mlebench.agents import get_agent
from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.scaffold import adopt_agent

CONFIG = """
vars:
  time_limit: &time_limit 86400

defaults: &defaults
  start: tree/start.sh
  dockerfile: tree/Dockerfile
  kwargs_type: KIND
  env_vars: &env_vars
    TIME_LIMIT_SECS: *time_limit
    OPENAI_API_KEY: ${{ secrets.OPENAI_API_KEY }}

tree:
  <<: *defaults
  kwargs: &kwargs
    agent.model: big
    agent.steps: 500

tree/quick:
  <<: *defaults
  kwargs:
    agent.steps: 5

tree/other:
  <<: *defaults
  EXTRA: true
  env_vars:
    GEMINI_API_KEY: ${{ secrets.GEMINI_API_KEY }}
  kwargs: *kwargs
"""
DOCKERFILE = """FROM mlebench-env
ARG AGENT_DIR
ENV AGENT_DIR=${AGENT_DIR}
COPY requirements.txt ${AGENT_DIR}/requirements.txt
RUN pip install -r ${AGENT_DIR}/requirements.txt
"""


def write_agent(home: Path, kind: str = "omegaconf", extra: str = "any", dockerfile: str = DOCKERFILE) -> Path:
    folder = home / "tree"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG.replace("KIND", kind).replace("EXTRA", extra))
    (folder / "start.sh").write_text('#!/bin/sh\nfor word in "$@"; do echo "[$word]"; done\n')
    (folder / "Dockerfile").write_text(dockerfile)
    (folder / "requirements.txt").write_text("tree\n")
    return folder


def test_variants_keep_their_arguments_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert adopt_agent(write_agent(tmp_path / "old"), "tree", tmp_path / "new") == []
    monkeypatch.setenv("MLEBENCH_AGENTS_PATH", str(tmp_path / "new"))
    whole, quick, other = map(get_agent, ("tree", "tree/quick", "tree/other"))
    assert whole.command_arguments == ["agent.model=big", "agent.steps=500"]
    assert quick.command_arguments == ["agent.steps=5"]
    assert other.arguments == whole.arguments
    assert whole.environment == {"TIME_LIMIT_SECS": "86400", "OPENAI_API_KEY": "${{ secrets.OPENAI_API_KEY }}"}
    assert quick.environment == whole.environment
    assert (other.secret_names, whole.secret_names) == (["GEMINI_API_KEY"], ["OPENAI_API_KEY"])
    assert whole.resources == {"network": "open"}
    assert whole.start == "start.sh"


def test_its_files_come_along_and_its_image_builds_on_our_base(tmp_path: Path) -> None:
    adopt_agent(write_agent(tmp_path / "old"), "tree", tmp_path / "new")
    folder = tmp_path / "new" / "tree"
    assert sorted(path.name for path in folder.iterdir()) == ["Dockerfile", "agent.yaml", "requirements.txt", "start.sh"]
    assert (folder / "Dockerfile").read_text().startswith("ARG BASE\nFROM ${BASE}\nARG AGENT_DIR\n")
    assert (tmp_path / "old" / "tree" / "config.yaml").exists()


def test_arguments_as_options_are_given_as_the_agents_script_takes_them(tmp_path: Path) -> None:
    adopt_agent(write_agent(tmp_path / "old", kind="argparse"), "tree", tmp_path / "new")
    agent = get_agent(str(tmp_path / "new" / "tree"))
    command = [str(agent.directory / agent.start), *agent.command_arguments, "text=a b=c"]
    for mode in (0o755, 0o644):
        (agent.directory / "start.sh").chmod(mode)
        said = subprocess.run(command, env={"AGENT_DIR": str(agent.directory)}, capture_output=True, text=True, check=True)
        words = ["--agent.model", "big", "--agent.steps", "500", "--text", "a b=c"]
        assert said.stdout.splitlines() == [f"[{word}]" for word in words]


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"extra": "privileged"}, "privileged container"),
        ({"dockerfile": "FROM mlebench-env:latest\nRUN conda run -n agent pip install x\n"}, "no conda"),
        ({"dockerfile": "FROM ubuntu:22.04\n"}, "FROM ${BASE}"),
    ],
)
def test_what_a_person_has_to_do_is_listed(tmp_path: Path, changes: dict[str, str], left: str) -> None:
    (todo,) = adopt_agent(write_agent(tmp_path / "old", **changes), "tree", tmp_path / "new")
    assert left in todo.text
    # a note breaks neither file
    assert yaml.safe_load((tmp_path / "new" / "tree" / "agent.yaml").read_text())["start"] == "start.sh"


def test_the_command_takes_the_old_folders_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = write_agent(tmp_path / "old")
    assert main(["new-agent", "--from", str(old), "--into", str(tmp_path / "new")]) == 0
    assert "nothing left to do" in capsys.readouterr().out
    assert main(["new-agent", "mine", "--from", str(old), "--into", str(tmp_path / "new")]) == 0
    monkeypatch.setenv("MLEBENCH_AGENTS_PATH", str(tmp_path / "new"))
    assert get_agent("mine/quick").id == "mine/quick"
    assert main(["new-agent", "--into", str(tmp_path)]) == 2
    assert "mlebench new-agent --from OLD" in capsys.readouterr().err


@pytest.mark.parametrize("by_path", [True, False])
def test_a_folder_that_is_not_converted_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], by_path: bool
) -> None:
    old = write_agent(tmp_path / "old")
    monkeypatch.setenv("MLEBENCH_AGENTS_PATH", str(tmp_path / "old"))
    assert main(["agents"]) == 0
    assert f"`mlebench new-agent --from {old}`" in capsys.readouterr().err
    with pytest.raises(UsageError, match=rf"holds no agent\.yaml; `mlebench new-agent --from {old}`"):
        get_agent(str(old) if by_path else "tree")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("", "defines no agent"),
        ("[1]", "defines no agent"),
        ("tree: {kwargs: {}}", "defines no agent"),
        ("tree: {start: tree/start.sh, kwargs: 5}", r"config\.yaml, tree: `kwargs`"),
        ("tree: {start: tree/begin.sh}", r"`start` is tree/begin\.sh, but .* does not exist"),
        ("tree: {start: tree/start.sh}\ntree/b: {start: tree/other.sh}", "different values of `start`"),
    ],
)
def test_a_faulty_config_is_told_and_nothing_is_made(tmp_path: Path, config: str, message: str) -> None:
    old = write_agent(tmp_path / "old")
    (old / "config.yaml").write_text(config)
    with pytest.raises(UsageError, match=message):
        adopt_agent(old, "tree", tmp_path / "new")
    assert not (tmp_path / "new" / "tree").exists()


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"contains no config\.yaml"):
        adopt_agent(tmp_path, "tree", tmp_path / "new")
