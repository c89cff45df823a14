"""mini-swe-agent in its container."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.agents.packaged.trial import COMPETITIONS, Trial, check_budget_end, check_time_end, check_work, run_agent
from tests.agents.packaged.working_model import TOKENS, WAIT, WorkingModel, busy_first, steps_for

DONE = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
"""The command by which a model ends it."""


def trajectory(trial: Trial) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(trial.file("logs/mini-swe-agent/*").read_text())
    return content


@pytest.mark.parametrize("competition", COMPETITIONS)
def test_it_solves_a_competition_with_the_gateway_alone(competition: str, data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel([*steps_for(competition), DONE])
    trial = run_agent("mini-swe-agent", competition, "chat", model, data_dir, tmp_path)
    check_work(trial, "chat")
    assert model.tools == {"bash"}
    assert trajectory(trial)["info"]["exit_status"] == "Submitted"
    assert trial.record["reported_usage"] == {
        "calls": 5,
        "input_tokens": 5 * TOKENS.input,
        "cached_tokens": 0,
        "output_tokens": 5 * TOKENS.output,
        "cost_usd": 0,
    }
    assert "$ /home/validate_submission.sh\n[0] valid: the submission is valid\n" in trial.log
    assert "litellm" not in trial.log


def test_asked_to_go_on_it_goes_on_with_the_same_conversation(data_dir: Path, tmp_path: Path) -> None:
    working = WorkingModel([*steps_for("demo-wine"), DONE])
    model = busy_first(working)
    words = ("continue=true", "steps=7")
    name = "maker/model:free"
    trial = run_agent("mini-swe-agent", "demo-wine", "chat", model, data_dir, tmp_path, arguments=words, model_name=name)
    check_work(trial, "chat")
    assert len(working.prompts) == 7
    *_, answer, reminder = json.loads(working.prompts[5])["messages"]
    assert answer["role"] == "tool"
    assert reminder["role"] == "user" and reminder["content"].startswith("You still have")
    assert [message["role"] for message in trajectory(trial)["messages"]][:2] == ["system", "user"]
    assert "solve.py" in working.prompts[5]
    # its own limit, and not the third failure in a row
    assert trajectory(trial)["info"]["exit_status"] == "LimitsExceeded"
    assert trial.log.count("mini-swe-agent: turn ") == 2


def test_a_spent_budget_ends_it_at_once(data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel(steps_for("demo-wine"), is_endless=True)
    words = ("--budget", "calls=6")
    trial = run_agent("mini-swe-agent", "demo-wine", "chat", model, data_dir, tmp_path, arguments=["continue=true"], words=words)
    check_budget_end(trial, seconds=20)
    assert trajectory(trial)["info"]["exit_status"] == "BudgetSpent"
    assert trial.record["reported_usage"]["input_tokens"] == 6 * TOKENS.input


def test_what_it_did_is_kept_when_the_time_is_over(data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel([*steps_for("demo-wine"), WAIT])
    words = ("--profile-set", "time_limit=45s")
    trial = run_agent("mini-swe-agent", "demo-wine", "chat", model, data_dir, tmp_path, words=words)
    check_time_end(trial)
    assert trial.record["reported_usage"]["calls"] == 5
    assert f"$ {WAIT}\n" in trial.log
    assert trajectory(trial)["info"]["model_stats"]["api_calls"] == 4


@pytest.mark.parametrize(("name", "dialect"), [("gpt-6.2-sol", "responses"), ("claude-sonnet-5-5", "messages")])
def test_it_asks_a_model_in_its_makers_dialect(name: str, dialect: str, data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel([*steps_for("demo-wine"), DONE])
    trial = run_agent("mini-swe-agent", "demo-wine", dialect, model, data_dir, tmp_path, model_name=name)
    check_work(trial, dialect)
    assert model.tools == {"bash"}
