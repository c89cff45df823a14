"""Codex CLI in its container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.agents.packaged.trial import COMPETITIONS, Trial, check_budget_end, check_time_end, check_work, run_agent
from tests.agents.packaged.working_model import TOKENS, WAIT, WorkingModel, busy_first, check_second_turn, steps_for

MODELS = {"spaceship-titanic": "vendor/unknown", "demo-wine": "gpt-5.6-terra"}
"""One that Codex does not know, and one to which it offers JavaScript instead of a shell."""
SESSIONS = "logs/codex/sessions/*/*/*/rollout-*.jsonl"


@pytest.mark.parametrize("competition", COMPETITIONS)
def test_it_solves_a_competition_with_the_gateway_alone(competition: str, data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel(steps_for(competition))
    words = {"model_name": MODELS[competition], "arguments": ["reasoning_effort=high", "context_window=100000"]}
    trial = _run(competition, model, data_dir, tmp_path, **words)
    check_work(trial, "responses")
    claimed = trial.record["reported_usage"]
    assert claimed["input_tokens"] == TOKENS.input * len(trial.calls)
    assert claimed["output_tokens"] == TOKENS.output * len(trial.calls)
    assert sorted(path.name for path in (trial.folder / "logs" / "codex").iterdir()) == ["sessions", "turn-001.log"]
    assert "The submission is valid" in trial.file(SESSIONS).read_text()
    assert '"effort": "high"' in model.prompts[0]
    assert not [tool for tool in model.tools if "search" in tool or "image_gen" in tool], model.tools
    assert "tool web_search" not in trial.log
    assert "\n$ /bin/sh -lc /home/validate_submission.sh\n" in trial.log


def test_it_goes_on_with_the_same_session_until_the_budget_is_spent(data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel(steps_for("demo-wine"))
    trial = _run("demo-wine", model, data_dir, tmp_path, arguments=["continue=true"], words=["--budget", "calls=6"])
    check_budget_end(trial)
    check_second_turn(model, 5)
    trial.file(SESSIONS)


def test_it_is_called_again_while_the_provider_is_busy(data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel(steps_for("demo-wine"))
    trial = _run("demo-wine", busy_first(model), data_dir, tmp_path)
    check_work(trial, "responses")
    assert [call["status"] for call in trial.calls][:2] == [429, 200]


def test_what_it_used_is_kept_when_its_time_is_up(data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel([*steps_for("demo-wine"), WAIT], is_endless=True)
    trial = _run("demo-wine", model, data_dir, tmp_path, words=["--profile-set", "time_limit=30s"])
    check_time_end(trial)


def _run(competition: str, model: Any, data_dir: Path, folder: Path, **words: Any) -> Trial:
    return run_agent("codex", competition, "responses", model, data_dir, folder, **words)
