"""Which files of an agent changed since its group was made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlebench.agents import AgentSpec, agent_in
from mlebench.runs.agent_files import changed_files, file_hashes, settings_in


def test_changed_new_and_missing_files_are_named(tmp_path: Path) -> None:
    for name in ("start.sh", "tools.py", "notes.md", ".env"):
        (tmp_path / name).write_text(name)
    agent = AgentSpec("a", None, tmp_path)
    kept = file_hashes(agent)
    assert set(kept) == {"start.sh", "tools.py", "notes.md"}
    assert changed_files(kept, agent) == ""

    (tmp_path / "start.sh").write_text("another")
    (tmp_path / "notes.md").unlink()
    (tmp_path / "new.py").write_text("x")
    assert changed_files(kept, agent) == "new.py (new), notes.md (gone), start.sh"


def test_a_group_of_before_has_the_beginning_of_each_hash(tmp_path: Path) -> None:
    (tmp_path / "start.sh").write_text("x")
    agent = AgentSpec("a", None, tmp_path)
    whole = file_hashes(agent)["start.sh"]
    assert len(whole) == 64
    assert changed_files({"start.sh": whole[:16]}, agent) == ""
    assert changed_files({"start.sh": whole[:15]}, agent) == changed_files({"start.sh": "0" * 64}, agent) == "start.sh"


def test_of_many_changes_some_are_named(tmp_path: Path) -> None:
    agent = AgentSpec("a", None, tmp_path)
    for number in range(9):
        (tmp_path / f"{number}.py").write_text("x")
    assert changed_files({"0.py": "?"}, agent).endswith("4.py (new), 4 more")


def test_a_group_that_kept_none_says_nothing(tmp_path: Path) -> None:
    for kept in (None, {}, [], "x"):
        assert changed_files(kept, AgentSpec("a", None, tmp_path)) == ""


OLDER = ("version", "dialects", "stages", "named_models")
"""What plans of earlier harnesses do not hold."""


def test_an_agent_of_a_plan_is_the_one_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text("version: 1.2.3\ndialects: [chat]\nstages: [node]\narguments: {model: a, steps: 1}\n")
    kept = agent_in(tmp_path, None).with_arguments({"steps": 2})
    kept = AgentSpec.from_dict(json.loads(json.dumps(kept.to_dict())))
    assert settings_in(tmp_path, kept, {"steps": 2}) == []
    assert settings_in(tmp_path, kept, {}) == ["arguments"]


@pytest.mark.parametrize("line", ["version: 1.2.4", "dialects: [chat]", "stages: [node]", "models: [m]"])
def test_what_a_file_says_and_its_plan_does_not_is_a_difference(tmp_path: Path, line: str) -> None:
    (tmp_path / "agent.yaml").write_text("description: plain\n")
    kept = agent_in(tmp_path, None)
    (tmp_path / "agent.yaml").write_text(f"{line}\n")
    key = line.partition(":")[0]
    assert settings_in(tmp_path, kept, {}) == ["named_models" if key == "models" else key]


def test_a_plan_of_an_earlier_harness_agrees_with_the_file_of_its_time(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text("description: plain\narguments: {model: a}\nvariants: {long: {arguments: {steps: 9}}}\n")
    content = agent_in(tmp_path, "long").to_dict()
    kept = AgentSpec.from_dict({key: value for key, value in content.items() if key not in OLDER})
    assert settings_in(tmp_path, kept, {}) == []
