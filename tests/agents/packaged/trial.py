"""`mlebench run` of a packaged agent with a scripted model behind the gateway, and what must hold after every such run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from mlebench.evidence.conversations.attempts import Attempt, attempts_in
from mlebench.exports.atif import write_trajectory
from mlebench.sandbox.docker import engine
from mlebench.sandbox.docker.container import RUN_LABEL
from tests.agents.packaged.working_model import TOKENS
from tests.exports.atif_schema import Trajectory
from tests.gateway.provider import KEY, Answer, Provider

COMPETITIONS = ("spaceship-titanic", "demo-wine")
MODELS = """
providers:
  scripted: {{dialects: [{dialect}], base_url: "{url}", key: SCRIPTED_KEY}}
models:
  "{name}": {{provider: scripted, served: the-model, prices: {{input: 1, output: 2}}, most_output: 4096}}
"""
_SECONDS = 420


@dataclass(frozen=True)
class Trial:
    """One finished run."""

    folder: Path
    report: dict[str, Any]
    """The group's grading report."""
    record: dict[str, Any]
    """Its `run.json`."""
    manifest: dict[str, Any]
    calls: list[dict[str, Any]]
    """Lines of `model_calls.jsonl`."""

    @property
    def log(self) -> str:
        """`run.log`."""
        return (self.folder / "run.log").read_text()

    @property
    def graded(self) -> dict[str, Any]:
        """The report on its submission."""
        [report] = self.report["competition_reports"]
        content: dict[str, Any] = report
        return content

    def file(self, pattern: str) -> Path:
        """The only file that the run kept under this pattern."""
        found = sorted(self.folder.glob(pattern))
        assert len(found) == 1, (pattern, [str(path) for path in self.folder.rglob("*") if path.is_file()])
        return found[0]

    def files(self, pattern: str) -> list[Path]:
        """The files that the run kept under this pattern, at least one."""
        found = sorted(path for path in self.folder.glob(pattern) if path.is_file())
        assert found, (pattern, [str(path) for path in self.folder.rglob("*") if path.is_file()])
        return found


def run_agent(
    agent: str,
    competition: str,
    dialect: str,
    model: Any,
    data_dir: Path,
    folder: Path,
    *,
    arguments: Sequence[str] = (),
    words: Sequence[str] = (),
    model_name: str = "scripted",
) -> Trial:
    """Run an agent of `agents/` in a container on the network `models`; `model` is an `Answer`, or makes one of a request."""
    with Provider(KEY) as provider:
        provider.answer = model
        models = folder / "models.yaml"
        models.write_text(MODELS.format(dialect=dialect, url=provider.base_url(dialect), name=model_name))
        command = [sys.executable, "-m", "mlebench.cli.main", "run", "--agent", agent, "-c", competition, "--models", str(models),
                   "--network", "models", "--profile", "demo", "--data-dir", str(data_dir), "--runs-dir", str(folder), "--name",
                   "group", "--json", *words]  # fmt: skip
        for argument in (f"model={model_name}", *arguments):
            command += ["--argument", argument]
        environment = {**os.environ, "SCRIPTED_KEY": KEY}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=_SECONDS)
    run = folder / "group" / f"{competition}_seed0"
    assert done.returncode in (0, 1) and (run / "run.json").exists(), done.stderr
    ledger = run / "model_calls.jsonl"
    return Trial(
        folder=run,
        report=json.loads((folder / "group" / "grading_report.json").read_text()),
        record=json.loads((run / "run.json").read_text()),
        manifest=yaml.safe_load((folder / "group" / "group.yaml").read_text())["manifest"],
        calls=[json.loads(line) for line in ledger.read_text().splitlines()] if ledger.exists() else [],
    )


def check_work(trial: Trial, dialect: str, program: str = "solve.py") -> None:
    """It ended by itself with a valid submission and a score; every call is on record, and nothing secret was kept."""
    assert (trial.record["state"], trial.record["reason"]) == ("finished", "exited"), trial.log
    assert trial.graded["valid_submission"] is True, trial.log
    assert trial.graded["score"] is not None
    assert (trial.folder / "code" / program).exists()
    assert [call["valid"] for call in trial.record["checker_calls"]][-1] is True
    answered = [call for call in trial.calls if call["outcome"] == "answered"]
    assert answered and {call["dialect"] for call in answered} == {dialect}
    usage = trial.record["usage"]
    assert usage["calls"] == len(answered)
    assert usage["input_tokens"] == TOKENS.input * len(answered)
    assert trial.record["ledgers"]["model_calls"] == {"lines": len(trial.calls), "head": trial.calls[-1]["hash"]}
    assert trial.manifest["network"] == "models"
    check_trajectory(trial)
    check_nothing_left(trial)


def check_budget_end(trial: Trial, seconds: float = 120.0, *, sums_up: bool = False) -> None:
    """The budget ended it in time, whatever the agent made of the refusals, and what it had submitted is graded.

    With `sums_up` the agent made its conversation shorter meanwhile.
    """
    assert trial.record["reason"] == "budget-exhausted", trial.log
    assert trial.graded["valid_submission"] is True, trial.log
    refused = [call for call in trial.calls if call["outcome"] == "refused"]
    assert refused, trial.calls
    check_trajectory(trial, sums_up=sums_up)
    end = datetime.fromisoformat(trial.record["ended_at"])
    assert (end - datetime.fromisoformat(refused[0]["at"])).total_seconds() < seconds
    check_nothing_left(trial)


def check_time_end(trial: Trial) -> None:
    """The time limit ended it, and its usage is recorded, except for the answer in progress."""
    assert trial.record["reason"] == "timed-out", trial.log
    answered = [call for call in trial.calls if call["outcome"] == "answered"]
    assert answered, trial.log
    claimed = trial.record["reported_usage"]["input_tokens"]
    assert TOKENS.input * (len(answered) - 1) <= claimed <= TOKENS.input * len(trial.calls)
    check_nothing_left(trial)


def check_trajectory(trial: Trial, *, sums_up: bool = False) -> Trajectory:
    """The run has a trajectory in which every call stands once and whose totals are the run's usage; returns it.

    With `sums_up` an agent put a summary in place of turns, and words around it into the mouth of the model.
    """
    target, notes = trial.folder.parent.parent / "trajectory.json", list[str]()
    with attempts_in(str(trial.folder.parent), trial.folder.parent.parent) as (_, attempts):
        [attempt] = attempts
        assert isinstance(attempt, Attempt)
        assert write_trajectory(attempt, target, notes.append) is not None
    trajectory = Trajectory.model_validate_json(target.read_bytes())
    steps = [step for each in trajectory.all for step in each.steps]
    answered = [step.extra["call"] for step in steps if step.llm_call_count == 1]
    assert sorted(answered) == [
        call["n"] for call in trial.calls if (call["outcome"], call["action"]) == ("answered", "generate")
    ]
    # what is in no answer is the agent's own
    made_up = [step for step in steps if step.extra.get("not_by_a_call")]
    assert notes == [] and (sums_up or made_up == [])
    usage, totals = trial.record["usage"], trajectory.final_metrics
    assert (totals.total_prompt_tokens, totals.total_completion_tokens) == (usage["input_tokens"], usage["output_tokens"])
    return trajectory


def check_nothing_left(trial: Trial) -> None:
    """No container runs on, and the provider's key is in no file."""
    group = trial.folder.parent
    found = engine.connect().containers.list(all=True, ignore_removed=True, filters={"label": engine.LABEL})
    assert [each.name for each in found if each.labels.get(RUN_LABEL, "").startswith(f"{group}/")] == []
    assert [path for path in group.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []


def one_answer(text: str) -> Answer:
    """A model that always says the same."""
    return Answer(text=text, tokens=TOKENS)
