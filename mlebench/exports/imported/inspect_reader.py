"""Reads a log of Inspect by Inspect's own library; runs as a process of its own, by `python -m …inspect_reader FILE BYTES`.

A log is a file of strangers, and how much memory and time reading it takes is nobody's promise: this process has limits, and
whoever started it is told no more than a line of JSON for the log and one for each sample, without messages and events.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MODULE = __name__ if __name__ != "__main__" else "mlebench.exports.imported.inspect_reader"
MOST_MEMORY = 6 * 2**30
"""Bytes of address space, of which a fifth is the library's own."""
MOST_SECONDS = 1800
"""Of processor time."""
MOST_SAMPLES = 100_000
TOO_MUCH = "reading it takes too much memory or time; `inspect log convert --to eval` makes a log of it that takes less"
_NOT_READ = {"messages", "events", "store", "attachments", "timelines", "output", "events_data", "choices", "files", "setup"}
_OF_SPEC = (
    *("task", "task_id", "run_id", "eval_id", "created", "task_args", "solver", "solver_args", "model", "model_args"),
    *("model_generate_config", "packages"),
)


def main(path: Path, most_memory: int) -> int:
    """Write the lines; returns the exit code: 0 all, 1 with an error as the last line."""
    # whatever the library prints goes elsewhere
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    os.dup2(2, 1)
    _limit(resource.RLIMIT_AS, most_memory)
    _limit(resource.RLIMIT_CPU, MOST_SECONDS)
    with out:
        try:
            for entry in _entries(path):
                out.write(json.dumps(_finite(entry), default=str) + "\n")
        except MemoryError:
            return _give_up(out, TOO_MUCH)
        except Exception as error:
            return _give_up(out, f"{type(error).__name__}: {error}")
    return 0


def _finite(value: Any) -> Any:
    """The value with null for NaN and infinity, which stand for what is unknown and are not JSON."""
    if isinstance(value, dict):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _limit(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _give_up(out: Any, why: str) -> int:
    out.write(json.dumps({"kind": "error", "error": why[:1000]}) + "\n")
    return 1


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    from inspect_ai.log import read_eval_log, read_eval_log_sample, read_eval_log_sample_summaries

    if path.suffix.lower() == ".json":
        log = read_eval_log(path)
        yield _header(log)
        samples = log.samples or []
        yield from map(_sample, samples[:MOST_SAMPLES])
        yield from _beyond(len(samples))
        return
    yield _header(read_eval_log(path, header_only=True))
    summaries = read_eval_log_sample_summaries(path)
    for summary in summaries[:MOST_SAMPLES]:
        name = f"{summary.id}, epoch {summary.epoch}"
        try:
            yield _sample(read_eval_log_sample(path, summary.id, summary.epoch, exclude_fields=_NOT_READ))
        except MemoryError:
            raise
        except Exception as error:
            yield {"kind": "unreadable", "name": name[:200], "error": f"{type(error).__name__}: {error}"[:1000]}
    yield from _beyond(len(summaries))


def _beyond(count: int) -> Iterator[dict[str, Any]]:
    """Says so where there are more samples than are read."""
    if count > MOST_SAMPLES:
        yield {"kind": "error", "error": f"it holds {count:,} samples, more than {MOST_SAMPLES:,}"}


def _header(log: Any) -> dict[str, Any]:
    spec = log.eval.model_dump(mode="json", include=set(_OF_SPEC))
    steps = [step.solver for step in log.plan.steps]
    return {"kind": "log", "status": log.status, "steps": steps, "config": log.eval.config.model_dump(mode="json"), **spec}


def _sample(sample: Any) -> dict[str, Any]:
    """A sample, as far as it is read; its fields are those of Inspect."""
    scores = {
        name: {"value": score.value, "metadata": score.metadata, "explanation": (score.explanation or "")[:1000]}
        for name, score in (sample.scores or {}).items()
    }
    return {
        "kind": "sample",
        "id": sample.id,
        "epoch": sample.epoch,
        "uuid": sample.uuid,
        "metadata": sample.metadata,
        "scores": scores,
        "model_usage": {name: used.model_dump(mode="json") for name, used in sample.model_usage.items()},
        "started_at": sample.started_at,
        "completed_at": sample.completed_at,
        "total_time": sample.total_time,
        "working_time": sample.working_time,
        "error": None if sample.error is None else sample.error.message[:1000],
        "limit": None if sample.limit is None else sample.limit.type,
        "invalidated": sample.invalidation is not None,
    }


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
