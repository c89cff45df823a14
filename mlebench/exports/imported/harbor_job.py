"""Reads the folder of a Harbor job: `config.json`, and a folder for each trial with `result.json` of schema 1, `agent/` and
`artifacts/`.

Whoever ran the job, its agents and its tasks could write there: nothing is followed, all is bounded, and a trial that is not as
Harbor writes it is named and left out.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grading.printable import printable
from mlebench._support.files import parse_own_json
from mlebench._support.plain_files import entries_plain, read_plain
from mlebench._support.yaml_model import describe
from mlebench.errors import UsageError
from mlebench.exports.imported.found import (
    UNKNOWN_AGENT,
    AgentConfiguration,
    End,
    Found,
    FoundRun,
    Left,
    figures_of,
    known_arguments,
    moment,
    seconds_between,
    sentence,
    short,
    text_or_none,
)

_LARGEST_RESULT = 64 * 2**20
_LARGEST_CONFIG = 4 * 2**20
_MOST_TRIALS = 20_000
_SUBMISSIONS = (
    "artifacts/home/submission/submission.csv",
    "artifacts/submission/submission.csv",
    "artifacts/submission.csv",
    "artifacts/logs/artifacts/submission.csv",
    "artifacts/logs/artifacts/submission/submission.csv",
)
"""Where a trial keeps the file that the agent submitted: below its path in the container, or where the job says."""
_KEPT = (
    ("agent", "logs/agent"),
    ("artifacts/home/logs", "logs/kept"),
    ("artifacts/home/code", "code"),
    ("trial.log", "logs/trial.log"),
    ("exception.txt", "logs/exception.txt"),
)
"""What else is kept of a trial, and where it goes in a run's folder."""
_TIMED_OUT = ("AgentTimeoutError",)
_CANCELLED = ("CancelledError",)
_EXIT_CODE = "NonZeroAgentExitCodeError"
_REPORT = "verifier/report.json"
"""The whole grading report, which the verifier of our own tasks writes beside its rewards."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Model(_Part):
    name: str
    provider: str | None = None


class _AgentInfo(_Part):
    name: str
    version: str | None = None
    model_info: _Model | None = None


class _Used(_Part):
    n_input_tokens: int | None = None
    n_cache_tokens: int | None = None
    n_output_tokens: int | None = None
    cost_usd: float | None = None


class _Verdict(_Part):
    rewards: dict[str, float | int | None] | None = None


class _Failure(_Part):
    exception_type: str
    exception_message: str = ""


class _Times(_Part):
    started_at: str | None = None
    finished_at: str | None = None


class _Trial(_Part):
    """What is read of a trial's `result.json`."""

    schema_version: int = 1
    id: str | None = None
    task_name: str
    trial_name: str
    task_checksum: str | None = None
    config: dict[str, Any] = Field(default={})
    agent_info: _AgentInfo
    agent_result: _Used | None = None
    verifier_result: _Verdict | None = None
    exception_info: _Failure | None = None
    reward_valid: bool | None = None
    """Whether Harbor counts the rewards, whatever the exception; earlier versions do not say."""
    started_at: str | None = None
    finished_at: str | None = None
    agent_execution: _Times | None = None


def read_harbor_job(folder: Path) -> Found:
    """The trials of a job.

    Raises:
        UsageError: the folder is none of a job.
    """
    entries = _entries(folder)
    trials = [name for name, is_folder in entries.items() if is_folder and not name.startswith(".")]
    files: dict[str, str] = {}
    version = _tool_version(folder, files)
    runs: list[FoundRun] = []
    problems: list[str] = []
    for name in trials:
        try:
            runs.append(_run(folder, name, files))
        except FileNotFoundError:
            problems.append(f"the trial {short(name)} has no result.json: it is unfinished or not a trial")
        except OSError as error:
            problems.append(f"the trial {short(name)} cannot be read: its result.json is {error.strerror}")
        except ValidationError as error:
            problems.append(f"the trial {short(name)} cannot be read: {printable(describe(error), 300)}")
        except ValueError as error:
            problems.append(f"the trial {short(name)} cannot be read: {printable(str(error), 300)}")
    if not runs and not files:
        raise UsageError(
            f"{printable(str(folder), 300)} contains no trial of a Harbor job; give the folder that `harbor run` wrote"
        )
    return Found("harbor-job", short(folder.absolute().name), version, tuple(runs), tuple(problems), files)


def _entries(folder: Path) -> dict[str, bool]:
    """What lies in the job's folder by name, and whether it is a folder."""
    try:
        found = entries_plain(folder, folder, _MOST_TRIALS)
    except OSError as error:
        raise UsageError(
            f"cannot read {printable(str(folder), 300)}: {error.strerror}; give the folder that `harbor run` wrote"
        ) from None
    entries = {name: stat.S_ISDIR(status.st_mode) for name, status in found}
    if "result.json" in entries and "trial.log" in entries:
        raise UsageError(f"{printable(str(folder), 300)} is a single trial; give the folder of its job, one level up")
    return entries


def _tool_version(folder: Path, files: dict[str, str]) -> str | None:
    """Harbor's version, from `lock.json` of the job."""
    for name in ("config.json", "result.json", "lock.json"):
        try:
            content = read_plain(folder / name, _LARGEST_RESULT if name == "result.json" else _LARGEST_CONFIG)
        except OSError:
            continue
        files[name] = hashlib.sha256(content).hexdigest()
        if name == "lock.json":
            return _version_in(content)
    return None


def _version_in(content: bytes) -> str | None:
    try:
        version = parse_own_json(content)["harbor"]["version"]
    except (ValueError, KeyError, TypeError):
        return None
    return short(version) if isinstance(version, str) else None


def _run(job: Path, name: str, files: dict[str, str]) -> FoundRun:
    folder = job / name
    content = read_plain(folder / "result.json", _LARGEST_RESULT, within=job)
    trial = _Trial.model_validate(parse_own_json(content))
    if trial.schema_version != 1:
        raise ValueError(f"its result.json has schema {trial.schema_version}, but this version reads only schema 1")
    files[f"{short(name)}/result.json"] = hashlib.sha256(content).hexdigest()
    times = trial.agent_execution or _Times()
    if times.started_at is None or times.finished_at is None:
        times = _Times(started_at=trial.started_at, finished_at=trial.finished_at)
    rewards = (trial.verifier_result.rewards if trial.verifier_result is not None else None) or {}
    stated = figures_of(rewards, _report(job, folder, files))
    return FoundRun(
        name=short(name),
        task=trial.task_name,
        agent=_agent(trial),
        end=_end(trial, has_rewards=bool(rewards)),
        id=None if trial.id is None else short(trial.id),
        started_at=moment(times.started_at),
        ended_at=moment(times.finished_at),
        seconds=seconds_between(times.started_at, times.finished_at),
        usage=_usage(trial.agent_result),
        edition=text_or_none(stated.get("edition")),
        split_key_hash=text_or_none(stated.get("split_key_hash")),
        stated=stated,
        submission=_submission(job, folder),
        left=tuple(Left(folder / source, job, target) for source, target in _KEPT),
    )


def _report(job: Path, folder: Path, files: dict[str, str]) -> dict[str, Any]:
    """The grading report of a trial; empty where there is none.

    Raises:
        ValueError: it is none.
    """
    try:
        content = read_plain(folder / _REPORT, _LARGEST_CONFIG, within=job)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ValueError(f"its {_REPORT} is {error.strerror}") from None
    report = parse_own_json(content)
    if not isinstance(report, dict):
        raise ValueError(f"its {_REPORT} contains no report")
    files[f"{short(folder.name)}/{_REPORT}"] = hashlib.sha256(content).hexdigest()
    return report


def _agent(trial: _Trial) -> AgentConfiguration:
    info = trial.agent_info
    model = info.model_info
    called = None if model is None else short("/".join(filter(None, (model.provider, model.name))))
    config = trial.config.get("agent")
    config = config if isinstance(config, Mapping) else {}
    kwargs = config.get("kwargs")
    given: Mapping[str, Any] = kwargs if isinstance(kwargs, Mapping) else {}
    apart = {
        # env holds names of variables, and values that may be secret
        **{key: value for key, value in config.items() if key not in ("env", "n_concurrent", "concurrency_group")},
        "version": info.version,
        "model": called,
        "multipliers": [trial.config.get(key) for key in ("timeout_multiplier", "agent_timeout_multiplier")],
    }
    version = {"version": info.version} if info.version else {}
    return AgentConfiguration(
        short(info.name) or UNKNOWN_AGENT,
        () if called is None else (called,),
        known_arguments(called, {**given, **version}, apart),
    )


def _end(trial: _Trial, *, has_rewards: bool) -> End:
    failure = trial.exception_info
    kind = "" if failure is None else failure.exception_type
    detail = None if failure is None else sentence(f"{kind}: {failure.exception_message}")
    if kind in _CANCELLED:
        return End("cancelled", "cancelled", detail)
    if kind in _TIMED_OUT and has_rewards and trial.reward_valid is not False:
        return End("timed-out", "timed-out", detail, "agent")
    if not has_rewards:
        # nobody graded it, whatever the agent did
        return End("failed", "grader-error", detail or "Harbor's verifier gave no rewards", "infrastructure")
    if failure is None:
        return End()
    if trial.reward_valid is False:
        return End("failed", "harness-error", detail, "infrastructure")
    return End("failed", "exit-code" if kind == _EXIT_CODE else "agent-error", detail, "agent")


def _usage(used: _Used | None) -> dict[str, Any]:
    if used is None:
        return {}
    amounts = {
        "input_tokens": used.n_input_tokens,
        "cached_tokens": used.n_cache_tokens,
        "output_tokens": used.n_output_tokens,
        "cost_usd": used.cost_usd,
    }
    return {key: value for key, value in amounts.items() if value is not None}


def _submission(job: Path, folder: Path) -> Left | None:
    paths = (folder / name for name in _SUBMISSIONS)
    return next((Left(path, job, "submission/submission.csv") for path in paths if os.path.lexists(path)), None)
