"""Claude Code in its container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.agents.packaged.trial import COMPETITIONS, Trial, check_budget_end, check_time_end, check_work, run_agent
from tests.agents.packaged.working_model import TOKENS, WAIT, WorkingModel, check_second_turn, steps_for

MODELS = {"spaceship-titanic": "vendor/unknown", "demo-wine": "claude-sonnet-5-5"}
"""One that Claude Code does not know, and one that it does."""
SESSIONS = "logs/claude-code/projects/*/*.jsonl"


@pytest.mark.parametrize("competition", COMPETITIONS)
def test_it_solves_a_competition_with_the_gateway_alone(competition: str, data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel(steps_for(competition))
    words = {"model_name": MODELS[competition], "arguments": ["effort=low", "max_turns=50"]}
    trial = _run(competition, model, data_dir, tmp_path, **words)
    check_work(trial, "messages")
    claimed = trial.record["reported_usage"]
    assert claimed["calls"] == len(trial.calls) and claimed["cost_usd"] > 0
    assert claimed["input_tokens"] == TOKENS.input * len(trial.calls)
    assert claimed["output_tokens"] == TOKENS.output * len(trial.calls)
    assert sorted(path.name for path in (trial.folder / "logs" / "claude-code").iterdir()) == ["projects", "turn-001.log"]
    assert "The submission is valid" in trial.file(SESSIONS).read_text()
    assert '"effort": "low"' in model.prompts[0]
    assert "Bash" in model.tools and not [tool for tool in model.tools if tool.startswith("Web")], model.tools
    assert "took out of a request" not in trial.log
    assert "\n$ /home/validate_submission.sh\n" in trial.log


def test_it_goes_on_with_the_same_session_until_the_budget_is_spent(data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel(steps_for("demo-wine"))
    trial = _run("demo-wine", model, data_dir, tmp_path, arguments=["continue=true"], words=["--budget", "calls=6"])
    check_budget_end(trial)
    check_second_turn(model, 5)
    trial.file(SESSIONS)


def test_what_it_used_is_kept_when_its_time_is_up(data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel([*steps_for("demo-wine"), WAIT])
    trial = _run("demo-wine", model, data_dir, tmp_path, words=["--profile-set", "time_limit=30s"])
    check_time_end(trial)


def _run(competition: str, model: Any, data_dir: Path, folder: Path, **words: Any) -> Trial:
    return run_agent("claude-code", competition, "messages", model, data_dir, folder, **words)
