"""Reads a log of Inspect, `.eval` or `.json`: each sample in each epoch is a run.

Inspect's own library reads the file, in a process with limits; what that says is untrusted still.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grading.printable import printable
from mlebench._support.extras import extras_explained
from mlebench._support.files import parse_own_json
from mlebench._support.plain_files import open_plain
from mlebench._support.yaml_model import describe
from mlebench.errors import UsageError
from mlebench.exports.imported.found import (
    UNKNOWN_AGENT,
    AgentConfiguration,
    End,
    Found,
    FoundRun,
    figures_of,
    known_arguments,
    moment,
    seconds_between,
    sentence,
    short,
    text_or_none,
)
from mlebench.exports.imported.inspect_reader import MODULE, MOST_MEMORY, TOO_MUCH

_SUFFIXES = (".eval", ".json")
_LONGEST_LINE = 16 * 2**20
_LONGEST_REASON = 300
_BLOCK = 2**20
_LIMITS = {"time": "timed-out", "working": "timed-out", "token": "budget-exhausted", "cost": "budget-exhausted"}
"""Reasons by the kind of the limit that ended a sample."""
_TELLING = ("any_medal", "score", "valid_submission", "valid")
"""A score of ours, or of the benchmark's other packages, says one of these."""
_GIVE = "give a log that `inspect eval` wrote"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Log(_Part):
    """What is read of a log's header."""

    task: str
    task_args: dict[str, Any] = {}
    solver: str | None = None
    solver_args: dict[str, Any] | None = None
    steps: list[str] = []
    model: str
    model_args: dict[str, Any] = {}
    model_generate_config: dict[str, Any] = {}
    config: dict[str, Any] = {}
    packages: dict[str, str] = {}
    eval_id: str | None = None


class _Score(_Part):
    value: Any = None
    metadata: dict[str, Any] | None = None


class _Used(_Part):
    input_tokens: int = 0
    output_tokens: int = 0
    input_tokens_cache_write: int | None = None
    input_tokens_cache_read: int | None = None
    reasoning_tokens: int | None = None
    total_cost: float | None = None


class _Sample(_Part):
    """What is read of a sample."""

    id: int | str
    epoch: int = Field(ge=1)
    uuid: str | None = None
    metadata: dict[str, Any] = {}
    scores: dict[str, _Score] = {}
    model_usage: dict[str, _Used] = {}
    started_at: str | None = None
    completed_at: str | None = None
    total_time: float | None = None
    error: str | None = None
    limit: str | None = None
    invalidated: bool = False


def read_inspect_log(path: Path) -> Found:
    """The samples of a log.

    Raises:
        UsageError: it is not a log, or cannot be read within the limits.
        MissingExtra: Inspect is not installed.
    """
    if importlib.util.find_spec("inspect_ai") is None:
        with extras_explained():
            raise ModuleNotFoundError(name="inspect_ai")
    shown = printable(str(path), 300)
    if path.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"{shown} ends in neither .eval nor .json; {_GIVE}")
    digest = _sha256(path, shown)
    runs: list[FoundRun] = []
    problems: list[str] = []
    with contextlib.closing(_lines(path.absolute())) as lines:
        log = _header(next(lines, {}), shown)
        for content in lines:
            try:
                runs.append(_run(content, log, path))
            except ValidationError as error:
                problems.append(f"the sample {_name(content)} cannot be read: {printable(describe(error), _LONGEST_REASON)}")
            except ValueError as error:
                problems.append(f"the sample {_name(content)} cannot be read: {printable(str(error), _LONGEST_REASON)}")
            except _Unread as error:
                problems.append(str(error))
    version = log.packages.get("inspect_ai")
    source = short(path.stem)
    return Found("inspect-log", source, version and short(version), tuple(runs), tuple(problems), {short(path.name): digest})


def _sha256(path: Path, shown: str) -> str:
    digest = hashlib.sha256()
    try:
        with open_plain(path) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise UsageError(f"cannot read {shown}: {error.strerror}; {_GIVE}") from None
    return digest.hexdigest()


class _Unread(Exception):
    """A sample, or the rest of a log, that the reader's process could not read; the message is a sentence."""


def _reason(content: Mapping[str, Any]) -> str:
    return printable(" ".join(str(content.get("error")).split()), _LONGEST_REASON)


def _name(content: Mapping[str, Any]) -> str:
    return f"{short(content.get('id'))}, epoch {short(content.get('epoch'))}"


def _lines(path: Path) -> Generator[Mapping[str, Any], None, None]:
    """What the reader's process says; one that ends before it is done says so in the last line."""
    with tempfile.TemporaryFile() as errors:
        words = [sys.executable, "-P", "-m", MODULE, str(path), str(MOST_MEMORY)]
        with subprocess.Popen(
            words, env=_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        ) as process:
            assert process.stdout is not None
            try:
                yield from _parsed(process.stdout)
                died = process.wait() < 0
            finally:
                if process.poll() is None:
                    process.kill()
        if died:
            yield {"kind": "error", "error": TOO_MUCH}


def _environment() -> dict[str, str]:
    """The process finds what this one finds, wherever it was started."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry)}


def _parsed(stream: IO[bytes]) -> Iterator[Mapping[str, Any]]:
    while line := stream.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE:
            # what follows is read and forgotten, so that the process comes to its end
            while line and not line.endswith(b"\n"):
                line = stream.readline(_LONGEST_LINE)
            yield {"kind": "unreadable", "name": "?", "error": "what it says of itself is too long"}
            continue
        try:
            yield parse_own_json(line)
        except ValueError as error:
            yield {**_identity(line), "kind": "unreadable", "error": str(error)}


def _identity(line: bytes) -> dict[str, Any]:
    """Which sample a line is of whose numbers cannot be kept."""
    try:
        return {"name": _name(json.loads(line))}
    except (ValueError, RecursionError):
        return {"name": "?"}


def _header(content: Mapping[str, Any], shown: str) -> _Log:
    if content.get("kind") != "log":
        why = _reason(content) if content else TOO_MUCH
        raise UsageError(f"{shown} is not a readable Inspect log ({why}); {_GIVE}")
    try:
        return _Log.model_validate(content)
    except ValidationError as error:
        raise UsageError(f"{shown} is not an Inspect log ({printable(describe(error), 300)}); {_GIVE}") from None


def _run(content: Mapping[str, Any], log: _Log, path: Path) -> FoundRun:
    if content.get("kind") == "unreadable":
        raise _Unread(f"the sample {short(content.get('name'))} cannot be read: {_reason(content)}")
    if content.get("kind") != "sample":
        raise _Unread(f"the rest of {short(path.name)} cannot be read: {_reason(content)}")
    sample = _Sample.model_validate(content)
    if sample.invalidated:
        raise ValueError("it was invalidated")
    stated = _figures(sample)
    started, ended = moment(sample.started_at), moment(sample.completed_at)
    return FoundRun(
        name=_name(content),
        task=_task(sample),
        agent=_agent(log),
        end=_end(sample, has_result=bool(stated)),
        id=short(sample.uuid) if sample.uuid else f"{short(log.eval_id or path.stem)}/{_name(content)}",
        seed=sample.epoch - 1,
        edition=text_or_none(stated.get("edition")) or text_or_none(sample.metadata.get("edition")) or _edition(log),
        split_key_hash=text_or_none(stated.get("split_key_hash")),
        started_at=started,
        ended_at=ended,
        seconds=seconds_between(sample.started_at, sample.completed_at),
        usage=_usage(sample),
        stated=stated,
    )


def _task(sample: _Sample) -> str:
    return text_or_none(sample.metadata.get("competition_id")) or str(sample.id)


def _edition(log: _Log) -> str | None:
    return text_or_none(log.task_args.get("edition"))


def _figures(sample: _Sample) -> dict[str, Any]:
    """What the first score says that says something of medals, a score or validity; empty where none does."""
    for score in sample.scores.values():
        metadata = score.metadata or {}
        report = metadata.get("report")
        more = report if isinstance(report, Mapping) else metadata
        value = score.value if isinstance(score.value, Mapping) else {}
        if any(key in part for part in (value, more) for key in _TELLING):
            return figures_of(value, more)
    return {}


def _agent(log: _Log) -> AgentConfiguration:
    name = log.solver or (log.steps[-1] if log.steps else None) or UNKNOWN_AGENT
    given = {**(log.solver_args or {}), **{key: log.task_args[key] for key in ("agent",) if key in log.task_args}}
    apart = {
        "solver": name,
        "steps": log.steps,
        "solver_args": log.solver_args,
        # which competitions and where their data lies makes no difference to a run
        "task_args": {key: value for key, value in log.task_args.items() if key not in ("split", "data_dir", "competitions")},
        "model": log.model,
        "model_args": log.model_args,
        "generate": log.model_generate_config,
        "limits": {key: value for key, value in log.config.items() if key.endswith("_limit")},
    }
    model = short(log.model)
    return AgentConfiguration(short(name), (model,), known_arguments(model, given, apart))


def _end(sample: _Sample, *, has_result: bool) -> End:
    if sample.error is not None and not has_result:
        return End("failed", "harness-error", sentence(sample.error), "infrastructure")
    if not has_result:
        return End("failed", "grader-error", "no score of the sample says anything of medals", "infrastructure")
    if sample.limit is not None:
        reason = _LIMITS.get(sample.limit, "agent-error")
        state = "timed-out" if reason == "timed-out" else "failed"
        return End(state, reason, f"it was stopped at its {short(sample.limit)} limit", "agent")  # type: ignore[arg-type]
    return End() if sample.error is None else End("failed", "agent-error", sentence(sample.error), "agent")


def _usage(sample: _Sample) -> dict[str, Any]:
    """The sum over models; Inspect's input tokens are without those that a cache held or kept."""
    used = sample.model_usage.values()
    if not used:
        return {}
    cached, written = (sum(getattr(one, f"input_tokens_cache_{kind}") or 0 for one in used) for kind in ("read", "write"))
    costs = [one.total_cost for one in used]
    reasoning = [one.reasoning_tokens for one in used]
    amounts: dict[str, Any] = {
        "input_tokens": sum(one.input_tokens for one in used) + cached + written,
        "cached_tokens": cached,
        "cache_write_tokens": written,
        "output_tokens": sum(one.output_tokens for one in used),
        "reasoning_tokens": None if None in reasoning else sum(filter(None, reasoning)),
        "cost_usd": None if None in costs else sum(filter(None, costs)),
    }
    return {key: value for key, value in amounts.items() if value is not None}
