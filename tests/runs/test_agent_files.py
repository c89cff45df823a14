"""Which files of an agent changed since its group was made."""

from __future__ import annotations

from pathlib import Path

from mlebench.agents import AgentSpec
from mlebench.runs.agent_files import changed_files, file_hashes


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
