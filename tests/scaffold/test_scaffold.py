"""A new folder works from the first minute and says what is left to fill in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlebench.cli.main import main

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


def test_a_new_competition_passes_the_contract_tests(tmp_path: Path) -> None:
    assert main(["new-competition", "my-competition", "--into", str(tmp_path)]) == 0
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "tests/competitions/test_contract.py",
        "tests/competitions/test_task_text.py",
    ]
    ended = subprocess.run(
        [*command, "-k", "my-competition"],
        cwd=ROOT,
        env={**os.environ, "MLEBENCH_COMPETITIONS_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout
    assert " passed" in ended.stdout


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


@pytest.mark.parametrize("name", ["../out", "a b", "", ".hidden"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-competition", name, "--into", str(tmp_path / "in")]) == 2
    assert "is no name" in capsys.readouterr().err


def test_what_an_agent_may_be_called_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-agent", "MyAgent", "--into", str(tmp_path)]) == 2
    assert "small letters" in capsys.readouterr().err
    assert main(["new-agent", "my_agent.2", "--into", str(tmp_path / "with space")]) == 0
    assert f"MLEBENCH_AGENTS_PATH='{tmp_path}/with space'" in capsys.readouterr().out
    assert not (tmp_path / "in").exists()


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    assert main(["new-agent", "mine", "--into", str(tmp_path)]) == 2
    assert "exists" in capsys.readouterr().err
