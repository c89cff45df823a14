"""Thousands of results that were damaged at random: each is read, or named in one sentence, and whatever is read becomes records
that every reader takes."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mlebench.errors import UsageError
from mlebench.exports.imported import inspect_log
from mlebench.exports.imported.found import Found, FoundRun
from mlebench.exports.imported.groups import Options, import_runs
from mlebench.exports.imported.harbor_job import read_harbor_job
from mlebench.registry import Registry
from mlebench.reports.places import load_results
from mlebench.runs.group import Group
from tests.exports.imported.conftest import RESULTS, Job

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, 2**53, 2**62, 10**30, "", "x" * 5000, "../../etc/passwd", "\x1b[2J", "\udcff", "NaN",
    "${{ secrets.KEY }}", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", [], {}, [[[[]]]], {"a": {"b": None}}, [1] * 50,
)  # fmt: skip
KINDS = [name for name in RESULTS if name not in ("config", "result")]


def places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in the content with a key in it."""
    pairs = list(content.items()) if isinstance(content, dict) else list(enumerate(content)) if isinstance(content, list) else []
    for key, value in pairs:
        yield content, key
        yield from places(value)


def damaged(content: Any, rng: random.Random) -> Any:
    """A copy with a few values replaced, taken out or given other names."""
    content = copy.deepcopy(content)
    for _ in range(rng.choice((1, 1, 2, 5))):
        found = list(places(content))
        if not found:
            break
        container, key = rng.choice(found)
        how = rng.random()
        if how < 0.7:
            container[key] = copy.deepcopy(rng.choice(ODD))
        elif how < 0.85:
            del container[key]
        elif isinstance(container, dict):
            container[str(rng.choice(ODD))[:200]] = container.pop(key)
    return content


def damaged_bytes(content: bytes, rng: random.Random) -> bytes:
    text = bytearray(content)
    for _ in range(rng.choice((1, 3, 20))):
        place = rng.randrange(len(text))
        text[place : place + rng.choice((0, 1, 1, 40))] = rng.choice((b"", b"\x00", b'"', b"{", b"NaN", b"9" * 30, b"\xff"))
    return bytes(text)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_trials_are_read_or_named(job: Job, registry: Registry, seed: int) -> None:
    rng = random.Random(seed)
    trials = 400
    for number in range(trials):
        folder = job.folder / f"trial-{number:04d}"
        folder.mkdir()
        content = {**RESULTS[rng.choice(KINDS)], "id": f"id-{number}"}
        text = json.dumps(damaged(content, rng)).encode()
        (folder / "result.json").write_bytes(damaged_bytes(text, rng) if rng.random() < 0.3 else text)
    found = read_harbor_job(job.folder)
    assert len(found.runs) + len(found.problems) == trials and len(found.runs) > trials / 4
    holds(found, registry, job.folder.parent / "runs")


SAMPLE: dict[str, Any] = {
    "kind": "sample", "id": "toy-a", "epoch": 1, "uuid": "u", "metadata": {"competition_id": "toy-a", "edition": "v1"},
    "scores": {
        "graded": {
            "value": {"any_medal": 1, "gold": 0, "silver": 0, "bronze": 1, "above_median": 1, "valid": 1},
            "metadata": {"competition_id": "toy-a", "score": 1.0, "edition": "v1", "competition_version": 1, "data": "real"},
        }
    },
    "model_usage": {"m": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5, "total_cost": 0.5}},
    "started_at": "2026-11-01T10:00:00+00:00", "completed_at": "2026-11-01T11:00:00+00:00", "error": None, "limit": None,
}  # fmt: skip
LOG: dict[str, Any] = {
    "kind": "log", "task": "competitions", "task_args": {"edition": "v1", "split": "low"}, "solver": "react",
    "solver_args": {"attempts": 3}, "steps": ["react"], "model": "m", "model_args": {}, "model_generate_config": {},
    "config": {"epochs": 2, "time_limit": None}, "packages": {"inspect_ai": "0.3.285"}, "eval_id": "e",
}  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_damaged_samples_are_read_or_refused(toys: Path, registry: Registry, seed: int) -> None:
    rng = random.Random(seed)
    runs: list[FoundRun] = []
    refused = 0
    for number in range(400):
        try:
            log = inspect_log._header(damaged(LOG, rng) if rng.random() < 0.3 else LOG, "log.eval")
            content = damaged({**SAMPLE, "uuid": f"id-{number}", "epoch": number % 300 + 1}, rng)
            runs.append(inspect_log._run(content, log, Path("log.eval")))
        except (UsageError, ValidationError, ValueError, inspect_log._Unread) as error:
            assert isinstance(error, ValidationError) or "\n" not in str(error)
            refused += 1
    assert refused and len(runs) > 100
    holds(Found("inspect-log", "log", "0.3.285", tuple(runs), (), {"log.eval": "0"}), registry, toys / "runs")


def holds(found: Found, registry: Registry, runs_dir: Path) -> None:
    """Whatever was read becomes groups that can be read again and reported on, and the rest is named."""
    outcome = import_runs([found], Options(runs_dir, registry))
    assert all(problem.isprintable() and len(problem) < 700 for problem in outcome.problems)
    held = sum(len(made.group.plan.runs) for made in outcome.made)
    assert held + len(outcome.problems) == len(found.runs) + len(found.problems)
    for made in outcome.made:
        group = Group.open(made.group.folder)
        assert group.folder.parent == runs_dir.absolute()
        assert all(record.has_ended and record.reason != "record-damaged" for record in group.records())
        assert load_results([group.folder])
