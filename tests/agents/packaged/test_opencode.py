"""opencode in its container."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.agents.packaged.trial import Trial, check_budget_end, check_work, run_agent
from tests.agents.packaged.working_model import DONE, TOKENS, WorkingModel, steps_for
from tests.gateway.provider import Answer, Received

TOOLS = {"bash", "edit", "glob", "grep", "read", "skill", "task", "todowrite", "write"}


def sessions(trial: Trial) -> list[str]:
    """The ids of the sessions in the database that the run kept."""
    with closing(sqlite3.connect(trial.file("logs/opencode/opencode.db"))) as database:
        return [row[0] for row in database.execute("SELECT id FROM session")]


def check_usage(trial: Trial) -> None:
    """What it says that it used is what the gateway counted."""
    usage = trial.record["usage"]
    names = ("calls", "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
    assert trial.record["reported_usage"] == {name: usage[name] for name in names}


@pytest.mark.parametrize(
    ("agent", "dialect", "competition", "name"),
    [
        ("opencode", "chat", "spaceship-titanic", "some/model-1"),
        ("opencode/gemini", "gemini", "demo-wine", "scripted"),
    ],
)
def test_it_solves_a_competition_with_the_gateway_alone(
    agent: str, dialect: str, competition: str, name: str, data_dir: Path, tmp_path: Path
) -> None:
    model = WorkingModel(steps_for(competition))
    busy = [Answer(status=503)]

    def answer(received: Received) -> Answer:
        return busy.pop() if busy else model(received)

    trial = run_agent(agent, competition, dialect, answer, data_dir, tmp_path, model_name=name)
    check_work(trial, dialect)
    assert [call["status"] for call in trial.calls] == [503, *[200] * len(model.prompts)]
    assert model.tools == TOOLS
    check_usage(trial)
    assert len(sessions(trial)) == 1
    assert "bash: /home/validate_submission.sh" in trial.log and DONE in trial.log
    assert '{"type"' not in trial.log


def test_it_goes_on_with_its_session_until_the_budget_ends_it(data_dir: Path, tmp_path: Path) -> None:
    steps = steps_for("demo-wine")
    model = WorkingModel(steps)
    trial = run_agent("opencode/gpt", "demo-wine", "responses", model, data_dir, tmp_path, arguments=["continue=true"],
                      words=["--budget", f"calls={len(steps) + 2}", "--profile-set", "time_limit=15m"])  # fmt: skip
    check_budget_end(trial, seconds=90)
    assert len(sessions(trial)) == 1
    reminded = json.loads(model.prompts[len(steps) + 1])["input"]
    assert "DESCRIPTION" in str(reminded[1]) and "/home/validate_submission.sh" in str(reminded)
    assert "There is a submission at" in str(reminded[-1])
    assert {call["model"] for call in trial.calls} == {"scripted"}
    assert "the run's budget for models is spent" in trial.log


def test_what_it_used_is_known_when_the_time_is_up(data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel([*steps_for("demo-wine"), "sleep 300"])
    trial = run_agent("opencode/claude", "demo-wine", "messages", model, data_dir, tmp_path,
                      words=["--profile-set", "time_limit=40s"])  # fmt: skip
    assert trial.record["reason"] == "timed-out"
    claimed, calls = trial.record["reported_usage"], trial.record["usage"]["calls"]
    # an answer that came with the signal is not in the session any more
    assert claimed["calls"] in (calls, calls - 1)
    assert claimed["input_tokens"] == TOKENS.input * claimed["calls"]
