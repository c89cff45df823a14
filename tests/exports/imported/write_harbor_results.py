"""Writes `harbor_results.json`: what Harbor's own models write of trials, to build jobs of in tests.

    python3.12 -m venv v && v/bin/pip install harbor==0.26.0 && v/bin/python tests/exports/imported/write_harbor_results.py

Runs with Harbor's packages alone. With `--check FILE…` its models read trial results instead and say what is wrong with them.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

HERE = Path(__file__).parent
START = datetime(2026, 11, 1, 10, 0, 0, 250_000, UTC)


def trial(number: int, rewards: dict[str, float] | None, failure: str | None = None) -> Any:
    from harbor.models.agent.context import AgentContext  # type: ignore[import-not-found]
    from harbor.models.task.id import LocalTaskId  # type: ignore[import-not-found]
    from harbor.models.trial.config import AgentConfig, TaskConfig, TrialConfig  # type: ignore[import-not-found]
    from harbor.models.trial.result import (  # type: ignore[import-not-found]
        AgentInfo,
        ExceptionInfo,
        ModelInfo,
        TimingInfo,
        TrialResult,
    )
    from harbor.models.verifier.result import VerifierResult  # type: ignore[import-not-found]

    start = START + timedelta(minutes=number)
    name = f"toy-a__{number:07d}"
    path = Path("tasks/toy-a")
    agent = AgentConfig(
        name="claude-code", model_name="anthropic/opus", kwargs={"max_turns": 50, "api_key": "sk-1"}, env={"SOME": "value"}
    )
    at = start + timedelta(seconds=90)
    return TrialResult(
        id=UUID(int=number + 1),
        task_name="mlebench/toy-a",
        trial_name=name,
        trial_uri=f"file:///jobs/job/{name}",
        task_id=LocalTaskId(path=path),
        source="tasks",
        task_checksum="0" * 64,
        config=TrialConfig(task=TaskConfig(path=path, source="tasks"), trial_name=name, trials_dir=Path("jobs/job"), agent=agent),
        agent_info=AgentInfo(name="claude-code", version="2.1.0", model_info=ModelInfo(name="opus", provider="anthropic")),
        agent_result=AgentContext(n_input_tokens=1200, n_cache_tokens=200, n_output_tokens=300, cost_usd=0.25),
        verifier_result=None if rewards is None else VerifierResult(rewards=rewards),
        exception_info=None
        if failure is None
        else ExceptionInfo(
            exception_type=failure, exception_message="it did not go well", exception_traceback="", occurred_at=at
        ),
        started_at=start,
        finished_at=start + timedelta(minutes=2),
        agent_execution=TimingInfo(started_at=start + timedelta(seconds=30), finished_at=at),
    )


def job() -> tuple[Any, Any]:
    from harbor.models.job.config import JobConfig  # type: ignore[import-not-found]
    from harbor.models.job.result import JobResult, JobStats  # type: ignore[import-not-found]

    return (
        JobConfig(job_name="job", n_attempts=2),
        JobResult(id=UUID(int=99), started_at=START, n_total_trials=2, stats=JobStats(n_completed_trials=2)),
    )


def main() -> int:
    if sys.argv[1:2] == ["--check"]:
        return check([Path(name) for name in sys.argv[2:]])
    # as our verifier writes them, see `mlebench export harbor`
    bronze = {
        **{"reward": 1.0, "score": 1.0, "percentile": 80.0, "any_medal": 1.0, "gold": 0.0, "silver": 0.0, "bronze": 1.0},
        **{"above_median": 1.0, "valid": 1.0},
    }
    config, result = job()
    written = {
        "config": config,
        "result": result,
        "bronze": trial(0, bronze),
        "timed_out": trial(1, bronze, "AgentTimeoutError"),
        "exit_code": trial(2, bronze, "NonZeroAgentExitCodeError"),
        "no_environment": trial(3, None, "EnvironmentStartTimeoutError"),
        "no_model": trial(4, bronze, "ApiRateLimitError"),
        "cancelled": trial(5, None, "CancelledError"),
        "no_rewards": trial(6, None),
    }
    content = {name: json.loads(model.model_dump_json()) for name, model in written.items()}
    (HERE / "harbor_results.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


def check(paths: list[Path]) -> int:
    from harbor.models.trial.result import TrialResult
    from pydantic import ValidationError

    wrong = 0
    for path in paths:
        try:
            TrialResult.model_validate_json(path.read_text(encoding="utf-8"))
        except ValidationError as error:
            wrong += 1
            print(f"{path}: {error}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
