"""The agent react in its container."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agents.packaged.trial import COMPETITIONS, check_budget_end, check_time_end, check_work, run_agent
from tests.agents.packaged.working_model import DONE, TOKENS, WorkingModel, steps_for


@pytest.mark.parametrize("competition", COMPETITIONS)
def test_it_solves_a_competition_with_the_gateway_alone(competition: str, data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel(steps_for(competition))
    trial = run_agent("react", competition, "chat", model, data_dir, tmp_path, model_name="some/model-1")
    check_work(trial, "chat")
    assert model.tools == {"bash", "read_file", "write_file", "check_submission"}
    count = len(model.prompts)
    claimed = {"calls": count, "steps": count, "input_tokens": count * TOKENS.input, "output_tokens": count * TOKENS.output}
    assert trial.record["reported_usage"] == claimed
    trajectory = [json.loads(line) for line in trial.file("logs/react/trajectory.jsonl").read_text().splitlines()]
    assert [line["role"] for line in trajectory][:4] == ["system", "user", "assistant", "tool"]
    assert trajectory[-1]["content"] == DONE
    assert "> bash /home/validate_submission.sh" in trial.log


def test_a_spent_budget_ends_it_and_what_stands_counts(data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel([*steps_for("demo-wine"), "ls"], is_endless=True)
    trial = run_agent("react", "demo-wine", "chat", model, data_dir, tmp_path, words=["--budget", "calls=6"],
                      arguments=["continue=true"])  # fmt: skip
    check_budget_end(trial, seconds=30)
    assert trial.record["exit_code"] == 0
    assert "react: the run's budget for models is spent: 6 calls of 6 calls are used; the latest submission counts" in trial.log


def test_the_end_of_the_time_keeps_what_it_did_and_used(data_dir: Path, tmp_path: Path) -> None:
    sample = "cp /home/data/sample_submission.csv /home/submission/submission.csv; touch /home/code/more.py; sleep 1000"
    model = WorkingModel([sample], is_endless=True)
    trial = run_agent("react", "demo-wine", "chat", model, data_dir, tmp_path, words=["--profile-set", "time_limit=15s"])
    check_time_end(trial)
    # it may have been ended within a call
    assert 0 <= trial.record["usage"]["calls"] - trial.record["reported_usage"]["calls"] <= 1
    assert (trial.folder / "code" / "more.py").exists()
    assert "ended, as it took longer than" in trial.file("logs/react/trajectory.jsonl").read_text()
