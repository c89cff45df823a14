"""OpenHands in its container."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.agents.packaged.trial import COMPETITIONS, Trial, check_budget_end, check_time_end, check_work, run_agent
from tests.agents.packaged.working_model import TOKENS, WorkingModel, busy_first, steps_for

WITHOUT_END = [f"/home/validate_submission.sh; echo {number}" for number in range(100)]
"""Steps that do not repeat each other, which it would take for being stuck."""

SPEAKING = "while sleep 2; do date; done"
"""A step without an end; after 30 seconds without output the terminal would let the model speak again."""


def state(trial: Trial) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(trial.file("logs/openhands/*/base_state.json").read_text())
    return content


@pytest.mark.parametrize("competition", COMPETITIONS)
def test_it_solves_a_competition_with_the_gateway_alone(competition: str, data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel(steps_for(competition))
    trial = run_agent("openhands", competition, "chat", model, data_dir, tmp_path)
    check_work(trial, "chat")
    assert model.tools == {"terminal", "file_editor", "task_tracker", "think", "finish"}
    assert state(trial)["execution_status"] == "finished"
    assert trial.record["reported_usage"] == {
        "calls": 5,
        "input_tokens": 5 * TOKENS.input,
        "cached_tokens": 0,
        "cache_write_tokens": 0,
        "output_tokens": 5 * TOKENS.output,
        "reasoning_tokens": 0,
        "cost_usd": 0,
    }
    assert "$ /home/validate_submission.sh\n> valid: the submission is valid\n" in trial.log
    assert "warn" not in trial.log.lower().replace("futurewarning", "")


def test_asked_to_go_on_it_goes_on_with_the_same_conversation(data_dir: Path, tmp_path: Path) -> None:
    working = WorkingModel(steps_for("demo-wine"))
    model = busy_first(working)
    words = ("continue=true", "steps=6")
    name = "maker/model:free"
    trial = run_agent("openhands", "demo-wine", "chat", model, data_dir, tmp_path, arguments=words, model_name=name)
    check_work(trial, "chat")
    assert len(working.prompts) == 6
    assert "solve.py" in working.prompts[5] and "You still have" in working.prompts[5]
    # its own limit, and not the third failure in a row
    assert trial.log.count("openhands: turn ") == 2
    assert len(trial.files("logs/openhands/*/base_state.json")) == 1


def test_a_spent_budget_ends_it_at_once(data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel([*steps_for("demo-wine"), *WITHOUT_END])
    words = ("--budget", "calls=6")
    trial = run_agent("openhands", "demo-wine", "chat", model, data_dir, tmp_path, arguments=["continue=true"], words=words)
    check_budget_end(trial, seconds=20)
    assert trial.log.count("openhands: turn ") == 1
    assert trial.record["reported_usage"]["input_tokens"] == 6 * TOKENS.input


def test_what_it_did_is_kept_when_the_time_is_over(data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel([*steps_for("demo-wine"), SPEAKING])
    words = ("--profile-set", "time_limit=60s")
    trial = run_agent("openhands", "demo-wine", "chat", model, data_dir, tmp_path, words=words)
    check_time_end(trial)
    assert trial.record["reported_usage"]["calls"] == 5
    assert SPEAKING in trial.files("logs/openhands/*/events/event-*.json")[-1].read_text()


@pytest.mark.parametrize(("name", "dialect"), [("gpt-6.2-sol", "responses"), ("claude-sonnet-5-5", "messages")])
def test_it_asks_a_model_in_its_makers_dialect(name: str, dialect: str, data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel(steps_for("demo-wine"))
    trial = run_agent("openhands", "demo-wine", dialect, model, data_dir, tmp_path, model_name=name)
    check_work(trial, dialect)
    assert model.tools == {"terminal", "file_editor", "task_tracker", "think", "finish"}
