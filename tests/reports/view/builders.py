"""Folders of run groups in every state, written fast: 10,000 runs take seconds. What a run is like is said in a word."""

from __future__ import annotations

import functools
import itertools
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlebench.agents import AgentSpec
from mlebench.profiles import Profile
from mlebench.registry import registry
from mlebench.reports.view.watched_runs import WatchedRuns
from mlebench.runs.conditions import Conditions
from mlebench.runs.group import Group
from mlebench.runs.imported import agent_of
from mlebench.runs.plan import UNKNOWN_LIMITS, Plan, PlannedRun
from mlebench.runs.record import RunRecord
from mlebench.runs.usage import Usage
from mlebench.sandbox.base import Outcome
from tests.reports.builders import SCORES, report

START = datetime(2026, 3, 1, tzinfo=UTC)
HOSTILE = (
    "</td></section><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "\x1b[31mred\x1b[0m\x1b]0;title\x07 \u202egnp.exe\u202c \u2028 \x00 \ud800 ${root} {{7*7}} javascript:alert(1)\nnext line"
)
"""A text of an agent's that would do something almost anywhere it is not shown as text."""
HOSTILE_FILES = ("</script><script>x.py", "new\nline.py", "\x1b[2J.txt", "\u202egpj.exe", "-rf", "a" * 200, "'\"&<>.md")
"""Names that an agent may give to files; one of them is a path."""
DONE = ("gold", "silver", "bronze", "above", "none", "invalid", "missing", "timed-out")
SHAPES: dict[str, tuple[str, ...]] = {
    "running": ("gold", "above", "running", "queued", "queued"),
    "done": DONE,
    "failed": ("failed",),
    "interrupted": ("bronze", "failed", "cancelled", "queued"),
    "damaged": ("damaged", "gold", "garbage", "none"),
    "queued": ("queued",),
    "imported": ("gold", "none", "invalid"),
    "hostile": ("hostile", "none"),
}
"""What the runs of a group of each shape are like, in turn."""


def a_plan(
    runs: int, *, agent: str = "tree", variant: str | None = "big", competitions: Sequence[str] = (), **changes: Any
) -> Plan:
    """A plan of so many runs: each competition (by default those of the benchmark) with as many seeds as that takes."""
    names = tuple(competitions or registry.list_competition_ids("all"))[: max(runs, 1)]
    spec = AgentSpec(agent, variant, Path("/agents") / agent, arguments={"model": "m-1"})
    profile = Profile(name="standard", time_limit=24 * 3600, cpus=8, gpus=1)
    plan = Plan(spec, names, tuple(range(-(-runs // len(names)))), profile, "docker", data_dir=Path("/data"))
    return replace(plan, listed=None if len(plan.runs) == runs else plan.runs[:runs], **changes)


def write_group(
    runs_dir: Path, name: str, kinds: Iterable[str], plan: Plan | None = None, created_at: datetime = START, **manifest: Any
) -> Group:
    """A group whose runs are like `kinds` says, in the plan's order and over again; by default as many as there are kinds.

    Files of the runs are written by `write_outputs`; a group is active if its lock is held.
    """
    kinds = tuple(kinds)
    plan = plan or a_plan(len(kinds))
    folder = runs_dir / name
    folder.mkdir(parents=True)
    group = Group(folder.absolute(), plan, created_at.isoformat(), Conditions.of(plan), manifest)
    for run, kind in zip(plan.runs, itertools.cycle(kinds), strict=False):
        group.run_dir(run.run_id).mkdir()
        write_record(group, run, kind)
    return group.with_circumstances(group.conditions, manifest)


def write_imported(runs_dir: Path, name: str, kinds: Sequence[str], created_at: datetime = START) -> Group:
    """A group of another harness's runs: nothing is known of its limits."""
    ours = a_plan(len(kinds))
    agent = agent_of("harbor-job", "terminus", {"model": "m-2"})
    theirs = replace(ours, agent=agent, profile=UNKNOWN_LIMITS, sandbox=None, listed=ours.runs)
    source = {"format": "harbor-job", "source": "2026-03-01__00-00-00"}
    return write_group(runs_dir, name, kinds, theirs, created_at, imported=source)


def write_unreadable(runs_dir: Path, name: str) -> Path:
    """A group whose plan somebody has overwritten."""
    folder = runs_dir / name
    folder.mkdir(parents=True)
    (folder / "group.yaml").write_text("plan: [\n")
    return folder


def write_record(group: Group, run: PlannedRun, kind: str) -> None:
    """Replace a run's record as the harness does, in one step; see `SHAPES` for the kinds."""
    path = group.run_dir(run.run_id) / "run.json"
    beside = path.with_name(".run.json.new")
    beside.write_bytes(record_bytes(group, run, kind))
    beside.replace(path)


def record_bytes(group: Group, run: PlannedRun, kind: str) -> bytes:
    """What `run.json` holds."""
    if kind == "damaged":
        return b'{"run_id": "'
    if kind == "garbage":
        return b"\xff\x00" * 1000
    content = {
        **_content(kind),
        "run_id": run.run_id,
        "group": group.name,
        "competition_id": run.competition_id,
        "seed": run.seed,
        "agent": group.plan.agent.id,
        "edition": group.plan.edition,
        "created_at": group.created_at,
        "plan_sha256": group.plan.sha256,
    }
    if content["report"] is not None:
        content["report"] = {**content["report"], "competition_id": run.competition_id, "seed": run.seed, "run_id": run.run_id}
    return json.dumps(content).encode()


@functools.cache
def _content(kind: str) -> dict[str, Any]:
    """The record of a run of that kind, its names left open."""
    record = RunRecord("run", "group", "competition", 0, "agent", "v1")
    if kind != "queued":
        record.begin("node-1", ["0"])
        record.started_at = START.isoformat()
        record.usage = _usage(record.attempt).to_dict()
    if kind not in ("queued", "running"):
        record.end(_outcome(kind))
    if kind in SCORES or kind in ("invalid", "missing"):
        record.report = report("competition", kind, rank=7, leaderboard_size=1000).to_dict()
        record.reason = {"invalid": "invalid-submission", "missing": "no-submission"}.get(kind, record.reason)
        record.checker_calls = [
            {"at": (START + timedelta(minutes=minutes)).isoformat(), "valid": minutes > 20, "sha256": "0" * 64}
            for minutes in (10, 30, 60)
        ]
    if kind == "hostile":
        record.reported_usage = {HOSTILE: HOSTILE, "model": HOSTILE, "input_tokens": 5}
        record.report = report("competition", "invalid", error=HOSTILE).to_dict()
        record.checker_calls = [{"at": HOSTILE, "valid": False, "message": HOSTILE}]
    return asdict(record)


def _outcome(kind: str) -> Outcome:
    end = START + timedelta(hours=3)
    ended: Callable[..., Outcome] = functools.partial(
        Outcome, started_at=START, ended_at=end, resources={"cpu_seconds": 9000.0, "peak_memory_bytes": 2**33}
    )
    if kind == "failed":
        return ended("failed", "lost", "its container is gone; resuming does the run again", None, "infrastructure")
    if kind == "timed-out":
        return ended("timed-out", "timed-out", "stopped at its limit of 24 h", None, "agent")
    if kind == "cancelled":
        return ended("cancelled", "cancelled", "cancelled by the user")
    if kind == "hostile":
        return ended("failed", "exit-code", HOSTILE, 3, "agent")
    return ended("finished", "exited", "exited (0)", 0)


def _usage(calls: int) -> Usage:
    return Usage(120 * calls, 2, 0, 900_000, 500_000, 0, 40_000, 10_000, 3.25)


def write_outputs(group: Group, run: PlannedRun, names: Sequence[str] = ("main.py",)) -> Path:
    """What an agent leaves in a run's folder: a log, code, and a submission; returns the folder."""
    folder = group.run_dir(run.run_id)
    (folder / "run.log").write_text("[mlebench] started\n" + "".join(f"step {step}\n" for step in range(100)))
    for name in names:
        path = folder / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("print('hello')\n")
    (folder / "submission").mkdir(exist_ok=True)
    (folder / "submission" / "submission.csv").write_text("id,y\n" + "".join(f"{row},0.5\n" for row in range(100)))
    return folder


def write_hostile_outputs(group: Group, run: PlannedRun) -> Path:
    """What an agent leaves that means harm: names, texts, links, a pipe, and a line of 8 MB; returns the folder."""
    folder = write_outputs(group, run, HOSTILE_FILES)
    text = HOSTILE.encode("utf-8", "surrogatepass")
    (folder / "run.log").write_bytes(text * 100 + b"x" * 2**23 + b"\xff\xfe\n" + text)
    (folder / "submission" / "submission.csv").write_bytes(
        b"id,y\n" + b"".join(b"%d,<b>%s</b>\n" % (row, text) for row in range(9))
    )
    (folder / "code" / "passwords").symlink_to("/etc/passwd")
    (folder / "code" / "etc").symlink_to("/etc")
    os.mkfifo(folder / "code" / "pipe")
    return folder


def write_large_folder(runs_dir: Path, runs: int = 10_000, groups: int = 45) -> list[Group]:
    """So many runs in so many groups of every shape, the newest running, with one unreadable group beside them.

    Returns:
        the groups that can be read, the newest first.
    """
    share, rest = divmod(runs, groups)
    made = []
    for number, (shape, kinds) in zip(range(groups), itertools.cycle(SHAPES.items()), strict=False):
        size = share + (number < rest)
        filled = tuple(itertools.islice(itertools.cycle(kinds), size))
        name, created_at = f"{number:02}-{shape}", START - timedelta(hours=number)
        if shape == "imported":
            made.append(write_imported(runs_dir, name, filled, created_at))
        else:
            made.append(write_group(runs_dir, name, filled, created_at=created_at))
    write_unreadable(runs_dir, "unreadable")
    return made


def seconds_of_looks(runs_dir: Path, rounds: int) -> list[float]:
    """Processor time of the first look at a folder, and of so many looks without a change, for benchmarks."""
    runs, taken = WatchedRuns(runs_dir), []
    for _ in range(2 + rounds):
        started = time.process_time()
        runs.look()
        taken.append(time.process_time() - started)
        runs.look_anew()
    # the second reads once more what was written a moment before the first
    return [taken[0], *taken[2:]]
