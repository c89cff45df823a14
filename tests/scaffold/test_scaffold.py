"""A new folder works from the first minute and says what is left to fill in."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from mlebench.agents import get_agent
from mlebench.cli.main import main
from mlebench.scaffold import todos

ROOT = Path(__file__).parents[2]


def test_a_new_competition_goes_from_an_empty_folder_to_a_graded_submission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "mine"
    assert main(["new-competition", "my-competition", "--into", str(home)]) == 0
    told = capsys.readouterr().out
    assert "prepare.py:7  read your raw data" in told
    assert f"MLEBENCH_COMPETITIONS_PATH={home} mlebench prepare my-competition --mock" in told

    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(home))
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
    assert main(["list", "--split", "own"]) == 0
    assert "my-competition" in capsys.readouterr().out
    assert main(["prepare", "my-competition", "--mock"]) == 0
    sample = tmp_path / "data" / "my-competition" / "prepared" / "public" / "sample_submission.csv"
    capsys.readouterr()
    assert main(["grade", str(sample), "-c", "my-competition", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["score"] > 0.5


def test_a_new_competition_passes_every_check_but_for_what_is_left_to_fill_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new-competition", "my-competition", "--into", str(tmp_path)]) == 0
    left = {(todo.path.name, todo.line) for todo in todos(tmp_path / "my-competition")}
    capsys.readouterr()
    assert main(["check", str(tmp_path / "my-competition"), "--no-run", "--json"]) == 1
    checked = json.loads(capsys.readouterr().out)
    assert {(todo["file"], todo["line"]) for todo in checked["todo"] if "TODO" in todo["what"]} == left
    assert [done["name"] for done in checked["checks"] if not done["ok"]] == ["marks"]


def test_a_new_agent_hands_in_a_submission_that_is_graded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new-agent", "my-agent", "--into", str(tmp_path / "agents")]) == 0
    assert "start.sh" in capsys.readouterr().out
    monkeypatch.setenv("MLEBENCH_AGENTS_PATH", str(tmp_path / "agents"))
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
    assert main(["prepare", "demo-wine"]) == 0
    words = ["run", "--agent", "my-agent/long", "-c", "demo-wine", "--sandbox", "local", "--profile", "demo"]
    assert main([*words, "--runs-dir", str(tmp_path / "runs")]) == 0
    (report,) = (tmp_path / "runs").glob("*/grading_report.json")
    assert json.loads(report.read_text())["total_valid_submissions"] == 1
    (log,) = (tmp_path / "runs").glob("*/*/run.log")
    assert "steps=100" in log.read_text()


class TestLike:
    """A new agent that begins as a copy of another."""

    def test_it_is_an_agent_of_its_own_with_all_that_the_other_has(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["new-agent", "my-agent", "--like", "react", "--into", str(tmp_path)]) == 0
        told = capsys.readouterr().out
        assert "agent.yaml:1  a copy of react; describe this agent in `description`" in told
        assert (
            f"MLEBENCH_AGENTS_PATH={tmp_path} mlebench run --agent my-agent -c demo-wine --profile demo --sandbox local" in told
        )
        original = get_agent("react")
        monkeypatch.setenv("MLEBENCH_AGENTS_PATH", str(tmp_path))
        mine = get_agent("my-agent/claude")
        assert replace(mine, name="react", directory=original.directory) == get_agent("react/claude")
        assert [path.name for path in get_agent("my-agent").files()] == [path.name for path in original.files()]
        for path in original.files():
            copied = tmp_path / "my-agent" / path.relative_to(original.directory)
            assert path.name == "agent.yaml" or copied.read_bytes() == path.read_bytes()
            assert os.access(copied, os.X_OK) == os.access(path, os.X_OK)

    def test_one_that_lives_in_an_image_is_tried_in_one(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["new-agent", "mine", "--like", "codex", "--into", str(tmp_path)]) == 0
        assert capsys.readouterr().out.rstrip().endswith("mlebench run --agent mine -c demo-wine --profile demo")

    def test_an_own_agent_is_copied_by_its_path_without_secrets(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert main(["new-agent", "first", "--into", str(tmp_path)]) == 0
        (tmp_path / "first" / ".env").write_text("KEY=secret")
        (tmp_path / "first" / "weights.bin").write_bytes(b"\xff\xfe\x00")
        monkeypatch.chdir(tmp_path)
        assert main(["new-agent", "second", "--like", "./first", "--into", "."]) == 0
        assert (tmp_path / "second" / "weights.bin").exists() and not (tmp_path / "second" / ".env").exists()

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (["mine", "--like", "raect"], "unknown agent `raect`; did you mean `react`"),
            (["mine", "--like", "react/gpt"], "an agent is copied with all its variants; write `--like react`"),
            (["--like", "react"], "no name given; "),
            (["mine", "--like", "react", "--from", "x"], "`--from` and `--like` exclude each other"),
            (["Mine", "--like", "react"], "lower-case letters"),
        ],
    )
    def test_what_cannot_be_copied_is_said(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
    ) -> None:
        assert main(["new-agent", *words, "--into", str(tmp_path / "in")]) == 2
        assert told in capsys.readouterr().err
        assert not (tmp_path / "in").exists()


def test_data_of_ones_own_is_not_looked_for_on_kaggle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path))
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
    assert main(["new-competition", "demo-wards", "--into", str(tmp_path)]) == 0
    assert main(["prepare", "demo-wards", "--edition", "v2"]) == 2
    error = capsys.readouterr().err
    assert "demo-wards is not on Kaggle" in error
    assert "`mlebench prepare demo-wards --edition v2 --from PATH` prepares your data" in error


@pytest.mark.parametrize("name", ["../out", "a b", "", ".hidden"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-competition", name, "--into", str(tmp_path / "in")]) == 2
    assert "is not a valid" in capsys.readouterr().err


def test_what_an_agent_may_be_called_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-agent", "MyAgent", "--into", str(tmp_path)]) == 2
    assert "lower-case letters" in capsys.readouterr().err
    assert main(["new-agent", "my_agent.2", "--into", str(tmp_path / "with space")]) == 0
    assert f"MLEBENCH_AGENTS_PATH='{tmp_path}/with space'" in capsys.readouterr().out
    assert not (tmp_path / "in").exists()


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    assert main(["new-agent", "mine", "--into", str(tmp_path)]) == 2
    assert "exists" in capsys.readouterr().err
