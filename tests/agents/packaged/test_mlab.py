"""The agent mlab in its container."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agents.packaged.text_model import Step, TextModel
from tests.agents.packaged.trial import COMPETITIONS, check_budget_end, check_time_end, check_work, run_agent
from tests.agents.packaged.working_model import PROGRAMS, TOKENS

CHECK = "import subprocess\nprint(subprocess.run(['/home/validate_submission.sh'], capture_output=True, text=True).stdout)\n"


def steps() -> list[Step]:
    edit = {"script_name": "solve.py", "edit_instruction": "Write a script that submits.", "save_name": "solve.py"}
    return [
        ("List Files", {"dir_path": "data"}),
        ("Understand File", {"file_name": "data/train.csv", "things_to_look_for": "the columns"}),
        ("Edit Script (AI)", edit),
        ("Execute Script", {"script_name": "solve.py"}),
        ("Write File", {"file_name": "check.py", "content": CHECK}),
        ("Execute Script", {"script_name": "check.py"}),
    ]


@pytest.mark.parametrize("competition", COMPETITIONS)
def test_it_solves_a_competition_with_the_gateway_alone(competition: str, data_dir: Path, tmp_path: Path) -> None:
    model = TextModel(steps(), PROGRAMS[competition])
    trial = run_agent("mlab", competition, "chat", model, data_dir, tmp_path, model_name="some/model-1")
    check_work(trial, "chat")
    assert "valid: the submission is valid" in model.prompts[-1]
    assert "sample_submission.csv" in model.prompts[1]
    count = len(model.prompts) + len(model.others)
    assert trial.record["reported_usage"] == {
        "calls": count,
        "input_tokens": count * TOKENS.input,
        "output_tokens": count * TOKENS.output,
        "steps": 7,
    }
    trajectory = [json.loads(line) for line in trial.file("logs/mlab/trajectory.jsonl").read_text().splitlines()]
    assert [line["action"] for line in trajectory if "action" in line][-1] == "Final Answer"
    assert "## Step 1" in trial.file("logs/mlab/research_log.md").read_text()
    assert '[4] Execute Script {"script_name": "solve.py"}' in trial.log


def test_a_spent_budget_ends_it_and_what_stands_counts(data_dir: Path, tmp_path: Path) -> None:
    model = TextModel(steps(), PROGRAMS["demo-wine"], is_endless=True)
    trial = run_agent("mlab", "demo-wine", "chat", model, data_dir, tmp_path, words=["--budget", "calls=12"])
    check_budget_end(trial, seconds=30)
    assert trial.record["exit_code"] == 0
    assert "mlab: the run's budget for models is spent" in trial.log
    assert trial.file("code/solve.py").read_text().strip() == PROGRAMS["demo-wine"].strip()


def test_the_end_of_the_time_keeps_what_it_did_and_used(data_dir: Path, tmp_path: Path) -> None:
    sample = "shutil.copyfile('/home/data/sample_submission.csv', '/home/submission/submission.csv')"
    script = f"import shutil, time\n{sample}\ntime.sleep(1000)\n"
    write: Step = ("Write File", {"file_name": "more.py", "content": script})
    model = TextModel([write, ("Execute Script", {"script_name": "more.py"})], is_endless=True)
    trial = run_agent("mlab", "demo-wine", "chat", model, data_dir, tmp_path, words=["--profile-set", "time_limit=15s"])
    check_time_end(trial)
    # it may have been ended within a call
    assert 0 <= trial.record["usage"]["calls"] - trial.record["reported_usage"]["calls"] <= 1
    assert trial.file("code/more.py").read_text() == script
