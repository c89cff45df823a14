"""Opened bundles that say what a test wants them to say, without any run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from grading.medals import Board, Thresholds
from grading.report import CompetitionReport
from mlebench._support.ledger import Ledger
from mlebench.evidence.names import name_of
from mlebench.evidence.opened import OpenedBundle
from mlebench.evidence.statement import Envelope, Statement, Subject
from mlebench.profiles import Profile
from mlebench.runs.conditions import Conditions
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan
from mlebench.runs.record import RunRecord
from tests.scripted import scripted_agent

IMAGE = f"sha256:{'a' * 64}"
BOARD = Board(True, Thresholds(0.1, 0.5, 1.0, 2.0, lower_is_better=True))


@dataclass
class StatedGroup:
    """What levels ask of an opened group."""

    group: Group
    records: dict[str, RunRecord]
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.group.name

    @property
    def prefix(self) -> str:
        return f"groups/{self.name}"

    def run_dir(self, run_id: str) -> Path:
        return self.group.run_dir(run_id)

    def file_of(self, run_id: str, *parts: str) -> str:
        return f"{self.prefix}/{name_of(run_id, *parts)}"

    def is_left_out(self, name: str) -> bool:
        return name in self.left_out

    def left_out_reason(self, name: str) -> str | None:
        return self.left_out.get(name)

    def record(self, number: int = 0) -> RunRecord:
        return list(self.records.values())[number]

    def ledger(self, name: str, *entries: Mapping[str, Any], within: str = "") -> None:
        """Append to a ledger of the first run."""
        folder = self.run_dir(self.record().run_id) / within
        folder.mkdir(parents=True, exist_ok=True)
        ledger = Ledger(folder / f"{name}.jsonl")
        for entry in entries:
            ledger.append(entry)
        ledger.close()
        if not within:
            self.record().ledgers[name] = {"lines": ledger.lines, "head": ledger.head}

    def manifest(self, **values: Any) -> None:
        self.group.manifest.update(values)

    def conditions(self, **values: Any) -> None:
        self.group = replace(self.group, conditions=replace(self.group.conditions, **values))

    def plan(self, **values: Any) -> None:
        self.group = replace(self.group, plan=replace(self.group.plan, **values))


def stated_group(
    folder: Path,
    name: str = "group",
    *,
    competitions: Sequence[str] = ("toy-a", "toy-b"),
    seeds: Sequence[int] = (0, 1, 2),
    profile: Mapping[str, Any] | None = None,
    settings: str = "arguments: {model: gpt-5}",
    score: Callable[[str, int], float] = lambda competition, seed: 0.8,
    **parts: Any,
) -> StatedGroup:
    """A group that everything is in order with: in containers without network, each run graded and with a medal."""
    agent = replace(scripted_agent(folder / "agents" / name, settings=settings), name="scripted")
    limits = Profile(**{"name": "toy", "time_limit": 60, "network": "none", **(profile or {})})
    plan = Plan(agent, tuple(competitions), tuple(seeds), limits, "docker", agent_fingerprint="f")
    plan = replace(plan, **parts)
    conditions = replace(Conditions.of_plan(plan), data=dict.fromkeys(competitions, "real"))
    manifest = {
        "sandbox": plan.sandbox,
        "network": conditions.network,
        "allow": list(limits.allow),
        "grants": list(limits.grants),
        "engine": {"engine": "docker", "images": {agent.id: {"digest": IMAGE}}},
    }
    group = Group(folder / "groups" / name, plan, "2026-11-01T00:00:00+00:00", conditions, manifest)
    names = ("checker_calls", "model_calls") if plan.has_gateway else ("checker_calls",)
    records: dict[str, RunRecord] = {}
    for run in plan.runs:
        report = CompetitionReport.from_score(
            run.competition_id, score(run.competition_id, run.seed), BOARD, submission_path="x", edition=plan.edition, data="real"
        )
        records[run.run_id] = RunRecord(
            *(run.run_id, name, run.competition_id, run.seed, agent.id, plan.edition),
            state="finished",
            started_at="2026-11-01T00:00:01+00:00",
            resources={"image_digest": IMAGE},
            ledgers={ledger: {"lines": 0, "head": None} for ledger in names},
            report=report.to_dict(),
        )
    return StatedGroup(group, records)


@dataclass
class StatedBundle:
    """What levels ask of an opened bundle; each run has a submission and code in it."""

    folder: Path
    groups: tuple[StatedGroup, ...]
    envelope: Envelope = field(default_factory=lambda: Envelope(b"{}"))
    without: set[str] = field(default_factory=set)
    """Names that it lacks."""

    @property
    def statement(self) -> Statement:
        names = {
            group.file_of(run_id, *parts)
            for group in self.groups
            for run_id in group.records
            for parts in (("submission", "submission.csv"), ("code", "model.py"), ("run.log",))
        }
        return Statement(tuple(Subject(name, "0" * 64, 1) for name in sorted(names - self.without)))


def opened(folder: Path, *groups: StatedGroup, **parts: Any) -> OpenedBundle:
    """The bundle as levels take it."""
    return cast(OpenedBundle, StatedBundle(folder, groups, **parts))
