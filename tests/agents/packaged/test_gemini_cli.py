"""Gemini CLI in its container."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mlebench.gateway.tokens import Tokens
from tests.agents.packaged.trial import COMPETITIONS, Trial, check_budget_end, check_work, run_agent
from tests.agents.packaged.working_model import DONE, TOKENS, WorkingModel, steps_for
from tests.gateway.provider import Answer, Received

HALF_OF_ITS_CONTEXT = Tokens(input=600_000, output=20)
TOOLS = {
    "glob",
    "grep_search",
    "list_background_processes",
    "list_directory",
    "read_background_output",
    "read_file",
    "replace",
    "run_shell_command",
    "update_topic",
    "write_file",
}


def sessions(trial: Trial) -> set[str]:
    """The ids of the sessions that the run kept."""
    files = trial.files("logs/gemini-cli/.gemini/tmp/home/chats/session-*.jsonl")
    return {json.loads(path.read_text().splitlines()[0])["sessionId"] for path in files}


def check_usage(trial: Trial) -> None:
    """What it says that it used is what the gateway counted."""
    usage = trial.record["usage"]
    claimed = {key: usage[key] for key in ("calls", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")}
    assert trial.record["reported_usage"] == claimed


@pytest.mark.parametrize("competition", COMPETITIONS)
def test_it_solves_a_competition_with_the_gateway_alone(competition: str, data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel(steps_for(competition))
    busy = [Answer(status=503)]

    def answer(received: Received) -> Answer:
        return busy.pop() if busy else model(received)

    trial = run_agent("gemini-cli", competition, "gemini", answer, data_dir, tmp_path, model_name="some/model-1")
    check_work(trial, "gemini")
    assert [call["status"] for call in trial.calls][:2] == [503, 200]
    assert model.tools == TOOLS
    check_usage(trial)
    assert len(sessions(trial)) == 1
    assert "run_shell_command: /home/validate_submission.sh" in trial.log and DONE in trial.log
    assert '{"type"' not in trial.log


def test_it_goes_on_with_its_session_and_asks_no_other_model_until_the_budget_ends_it(data_dir: Path, tmp_path: Path) -> None:
    steps = steps_for("demo-wine")
    model = WorkingModel(steps)

    def answer(received: Received) -> Answer:
        if len(model.prompts) <= len(steps):
            return model(received)
        if len(model.prompts) == len(steps) + 1:
            model.start_again(["ls /home/code"])
        return replace(model(received), tokens=HALF_OF_ITS_CONTEXT)

    trial = run_agent("gemini-cli", "demo-wine", "gemini", answer, data_dir, tmp_path, arguments=["continue=true"],
                      words=["--budget", "calls=9", "--profile-set", "time_limit=15m"])  # fmt: skip
    check_budget_end(trial, seconds=90, sums_up=True)
    assert len(sessions(trial)) == 1
    reminded = model.prompts[len(steps) + 1]
    assert "DESCRIPTION" in reminded and "/home/validate_submission.sh" in reminded
    assert "There is a submission at" in json.loads(reminded)["contents"][-1]["parts"][-1]["text"]
    assert trial.record["usage"]["calls"] > len(model.prompts), "nothing was summarized"
    assert {call["model"] for call in trial.calls} == {"scripted"}
    assert "the run's budget for models is spent" in trial.log


def test_what_it_used_is_known_when_the_time_is_up(data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel([*steps_for("demo-wine"), "sleep 300"])
    trial = run_agent("gemini-cli", "demo-wine", "gemini", model, data_dir, tmp_path, words=["--profile-set", "time_limit=30s"])
    assert trial.record["reason"] == "timed-out"
    claimed, calls = trial.record["reported_usage"], trial.record["usage"]["calls"]
    # an answer that came with the signal is not in the session any more
    assert claimed["calls"] in (calls, calls - 1)
    assert claimed["input_tokens"] == TOKENS.input * claimed["calls"]
