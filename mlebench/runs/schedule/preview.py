"""What a plan would do and cost, before it starts: runs, slots, time, GPU hours, disk, tokens, money, and what is missing."""

from __future__ import annotations

import heapq
import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlebench._support.folders import folder_size
from mlebench.gateway.models import Model
from mlebench.preparation.disk import known_size
from mlebench.preparation.record import is_prepared
from mlebench.profiles import Budget
from mlebench.registry import Competition
from mlebench.runs.competitions import load_competition
from mlebench.runs.conditions import Conditions
from mlebench.runs.executors.base import Executor, no_room
from mlebench.runs.executors.booking import Need
from mlebench.runs.given import unprepared
from mlebench.runs.models import model_problems
from mlebench.runs.plan import Plan
from mlebench.runs.schedule.forecast import make_forecast
from mlebench.runs.task import Secrets
from mlebench.sandbox.base import Sandbox

_OUTPUT_SHARE = 0.2
"""Submission, logs and code of a run, guessed as a share of the public data."""
_LEAST_OUTPUT = 50 * 2**20
BUDGET_KEYS = tuple(Budget.model_fields)
"""`usd`, `input_tokens`, `output_tokens`, `calls`."""


@dataclass(frozen=True)
class Preview:
    """What one plan would do."""

    plan: Plan
    slots: int
    """Runs at once; 0 where none can start."""
    expected: tuple[float, ...]
    """Seconds that each of its runs will probably take."""
    gpu_hours: float
    """The most that it can take."""
    disk: int
    """Bytes of output, an estimate."""
    disk_free: int
    downloads: Mapping[str, int | None]
    """Bytes that Kaggle's competitions which are not prepared have to download, by id; None where the size is not recorded."""
    unbuilt: tuple[str, ...]
    """Agents whose image is built when the group starts."""
    most: Mapping[str, float | None]
    """The most that its runs can use of models, by key of the budget: None where the budget has no such limit, 0 where runs reach
    no model. A retried run has a fresh budget."""
    problems: tuple[str, ...]
    """What keeps it from starting, each with the command that helps."""

    @property
    def most_usd(self) -> float | None:
        """The most that its runs can spend on models, in US dollars; None without a limit."""
        return self.most["usd"]

    @property
    def hours(self) -> float:
        """The sum of the time limits of its runs."""
        return sum(self.time_limits) / 3600

    @property
    def seconds(self) -> float:
        """Until the last run ends, if every run takes as long as expected."""
        return makespan([(self.expected, self.slots)])

    @property
    def longest(self) -> float:
        """If every run takes its whole time limit."""
        return makespan([(self.time_limits, self.slots)])

    @property
    def time_limits(self) -> list[float]:
        """Seconds that each of its runs may take."""
        return [self.plan.profile.time_limit] * len(self.expected)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; null for the seconds of what never ends, as no run can start."""
        plan = self.plan
        return {
            "agent": plan.agent.id,
            "competitions": list(plan.competitions),
            "seeds": list(plan.seeds),
            "runs": len(plan.runs),
            "profile": plan.profile.model_dump(mode="json"),
            "edition": plan.edition,
            "sandbox": plan.sandbox,
            "slots": self.slots,
            "expected_seconds": _whole(self.seconds),
            "longest_seconds": _whole(self.longest),
            "run_hours": round(self.hours, 2),
            "gpu_hours": round(self.gpu_hours, 2),
            "disk_bytes": self.disk,
            "disk_free_bytes": self.disk_free,
            "download_bytes": download_size(self.downloads),
            "downloads": dict(self.downloads),
            "models": {name: _described(model) for name, model in plan.models.items()},
            **{f"most_{key}": self.most[key] for key in BUDGET_KEYS},
            "unbuilt": list(self.unbuilt),
            "problems": list(self.problems),
        }


@dataclass(frozen=True)
class Total:
    """What several plans would do together, which share the slots."""

    previews: Sequence[Preview]

    @property
    def runs(self) -> int:
        """Of all plans."""
        return sum(len(entry.plan.runs) for entry in self.previews)

    @property
    def seconds(self) -> float:
        """Until the last run of all ends, if every run takes as long as expected."""
        return makespan([(entry.expected, entry.slots) for entry in self.previews])

    @property
    def longest(self) -> float:
        """If every run takes its whole time limit."""
        return makespan([(entry.time_limits, entry.slots) for entry in self.previews])

    @property
    def hours(self) -> float:
        """The sum of the time limits of all runs, whatever runs at once."""
        return sum(entry.hours for entry in self.previews)

    @property
    def gpu_hours(self) -> float:
        """The most that all can take."""
        return sum(entry.gpu_hours for entry in self.previews)

    @property
    def disk(self) -> int:
        """Bytes of output, an estimate."""
        return sum(entry.disk for entry in self.previews)

    @property
    def downloads(self) -> Mapping[str, int | None]:
        """Those of all; a competition that several plans share is downloaded once."""
        return {name: size for entry in self.previews for name, size in entry.downloads.items()}

    @property
    def most(self) -> Mapping[str, float | None]:
        """The most that all can use of models, by key of the budget; None where one of them has no limit."""
        return {key: _sum(entry.most[key] for entry in self.previews) for key in BUDGET_KEYS}


def preview(plan: Plan, executor: Executor, sandbox: Sandbox, runs_dir: Path, secrets: Secrets) -> Preview:
    """Look at everything that `plan` needs, without starting anything."""
    need = Need.of(plan.profile)
    competitions = [load_competition(plan.data_dir, plan.edition, None, name) for name in plan.competitions]
    forecast = make_forecast(plan, Conditions.of(plan), runs_dir)
    return Preview(
        plan=plan,
        slots=executor.slots(need),
        expected=tuple(forecast.expected(run)[0] for run in plan.runs),
        gpu_hours=plan.profile.gpus * plan.profile.time_limit * len(plan.runs) / 3600,
        disk=_output_size(plan, competitions),
        disk_free=shutil.disk_usage(_existing(runs_dir)).free,
        downloads={each.id: known_size(each) for each in competitions if not (each.facts.generated or is_prepared(each))},
        unbuilt=tuple(executor.unbuilt(plan, sandbox)),
        most={key: _most(plan, key) for key in BUDGET_KEYS},
        problems=tuple(problems(plan, executor, sandbox, secrets)),
    )


def problems(plan: Plan, executor: Executor, sandbox: Sandbox, secrets: Secrets) -> list[str]:
    """What keeps a plan from starting, each with the command that helps."""
    found = [
        *_unprepared(plan, secrets),
        *_missing_secrets(plan, secrets),
        *model_problems(plan, secrets.values),
        *executor.problems(plan, sandbox, secrets),
    ]
    if problem := no_room(executor, plan.profile):
        found.append(problem)
    return found


def download_size(downloads: Mapping[str, int | None]) -> int:
    """Bytes of those downloads whose size is recorded."""
    return sum(size for size in downloads.values() if size)


def makespan(groups: Sequence[tuple[Sequence[float], int]]) -> float:
    """When the last of all runs ends, if the longest start first.

    Args:
        groups: the seconds of each run, and how many such runs the machines hold at once if there are no others. Runs of several
            groups share the machines: one takes the share that it has of its own group's slots.

    Returns:
        seconds; infinite where a group has runs and no slot.
    """
    filled = [(seconds, slots) for seconds, slots in groups if seconds]
    if any(slots < 1 for _, slots in filled):
        return math.inf
    free = math.lcm(*(slots for _, slots in filled))
    runs = [(duration, free // slots) for seconds, slots in filled for duration in seconds]
    now, ends = 0.0, list[tuple[float, int]]()
    for duration, share in sorted(runs, reverse=True):
        while free < share:
            now, given_back = heapq.heappop(ends)
            free += given_back
        free -= share
        heapq.heappush(ends, (now + duration, share))
    return max((end for end, _ in ends), default=0.0)


def _whole(seconds: float) -> int | None:
    return round(seconds) if math.isfinite(seconds) else None


def _unprepared(plan: Plan, secrets: Secrets) -> list[str]:
    competitions = [load_competition(plan.data_dir, plan.edition, secrets.split_key, name) for name in plan.competitions]
    return unprepared(competitions)


def _missing_secrets(plan: Plan, secrets: Secrets) -> list[str]:
    return [
        f"agent {plan.agent.id} needs the secret {name}; set it with `export {name}=…` or in a `.env` file"
        for name in plan.agent.secret_names
        if name not in secrets.values
    ]


def _most(plan: Plan, key: str) -> float | None:
    if not plan.has_gateway:
        return 0 if plan.profile.network == "none" else None
    limit = plan.profile.budget.limits.get(key)
    return None if limit is None else limit * len(plan.runs)


def _sum(amounts: Iterable[float | None]) -> float | None:
    each = list(amounts)
    known = [amount for amount in each if amount is not None]
    return sum(known) if len(known) == len(each) else None


def _described(model: Model) -> dict[str, Any]:
    return {"served": model.served, "provider": model.provider, "key": model.key, "priced": model.is_priced}


def _output_size(plan: Plan, competitions: Sequence[Competition]) -> int:
    """Bytes, an estimate: of the public data where it is prepared, else of the download."""
    total = 0
    for competition in competitions:
        public = competition.public_dir
        size = folder_size(public) if public.is_dir() else known_size(competition) or 0
        total += max(_LEAST_OUTPUT, min(plan.profile.max_output, int(_OUTPUT_SHARE * size))) * len(plan.seeds)
    return total


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)
