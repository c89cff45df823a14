"""The grading report of a run group: the results of its runs and their cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from grading.report import aggregate_reports
from grading.wording import counted
from mlebench._support.files import move_aside, write_json
from mlebench._support.folders import entries_of
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan
from mlebench.runs.record import RunRecord
from mlebench.runs.usage import Usage, read_usage, total

if TYPE_CHECKING:
    import pandas as pd

REPORT_FILE = "grading_report.json"
"""File in a group's folder with the reports of all graded runs."""
SNAPSHOT_FILE = "snapshot_reports.json"
"""File in a group's folder with the reports of its graded snapshots."""
_CLAIMED_TOTALS = ("input_tokens", "output_tokens", "cost_usd")


class GroupResult(NamedTuple):
    """A run group and the records of its runs, in the plan's order."""

    group: Group
    records: list[RunRecord]

    @property
    def name(self) -> str:
        """Name of the group."""
        return self.group.name

    @property
    def folder(self) -> Path:
        """The group's folder."""
        return self.group.folder

    @property
    def plan(self) -> Plan:
        """What was to be run: agent, competitions, seeds, profile, sandbox, edition, …"""
        return self.group.plan

    @property
    def runs(self) -> list[RunRecord]:
        """The same as `records`."""
        return self.records

    def to_frame(self) -> pd.DataFrame:
        """The runs as a table.

        Returns:
            One row per run, in the plan's order; missing values are NA. The columns with their dtypes:
            `group`, `agent`, `competition`, `edition` (string), `data` (string: `real`, `mock`), `seed` (int64), `run_id`,
            `state` (string: `pending`, `running`, `finished`, `failed`, `timed-out`, `cancelled`), `reason`,
            `failure_class` (string: `none`, `agent`, `infrastructure`), `attempts` (int64), `valid` (boolean), `score` (float64),
            `medal` (string: `gold`, `silver`, `bronze`), `any_medal`, `above_median` (boolean), `error` (string),
            `started_at`, `ended_at` (datetime64[ns, UTC]), `seconds`, `gpu_hours` (float64), `peak_memory_bytes`, `calls`,
            `input_tokens`, `output_tokens` (Int64; calls and tokens of the last attempt, as the gateway measured them),
            `cost_usd` (float64) and `submission_sha256` (string).
        """
        from mlebench.runs.frame import frame_of

        return frame_of(self.group, self.records)

    @property
    def report(self) -> Path:
        """The group's grading report."""
        return self.group.folder / REPORT_FILE

    @property
    def has_ended(self) -> bool:
        """Whether nothing is left to do unless another attempt is requested."""
        return all(record.has_ended for record in self.records)

    @property
    def is_complete(self) -> bool:
        """Whether every run has ended and none was ended by the infrastructure."""
        return all(record.has_ended and record.failure_class != "infrastructure" for record in self.records)


def write_grading_report(group: Group) -> GroupResult:
    """Write `grading_report.json` into the group's folder.

    It holds the aggregate of every graded run and, under `run_group`, how many runs were planned, which ones the infrastructure
    ended (they are excluded from all totals), and the group's cost.
    """
    result = GroupResult(group, group.records())
    graded = [report for record in result.records if (report := record.graded) is not None]
    move_aside(result.report)
    write_json(result.report, aggregate_reports(graded).to_dict() | {"run_group": group_totals(group, result.records)})
    return result


def count_snapshots(group: Group) -> int:
    """The number of snapshots in a group that are not graded yet; `mlebench grade` grades them all at once."""
    if (group.folder / SNAPSHOT_FILE).exists():
        return 0
    return sum(len(entries_of(group.run_dir(run.run_id) / "snapshots", "*.csv")) for run in group.plan.runs)


def group_totals(group: Group, records: list[RunRecord]) -> dict[str, Any]:
    """States, infrastructure failures, time, memory and model usage over all runs of a group.

    `usage` holds what the gateway measured over all attempts; `reported_usage` holds what agents claim, where they do.
    """
    graded = [report for record in records if (report := record.graded) is not None]
    infrastructure = [record for record in records if record.failure_class == "infrastructure"]
    measured = [usage for record in records for usage in _usage_of_attempts(record)]
    claimed = total(claim for record in records if (claim := read_usage(record.reported_usage)) is not None)
    return {
        "group": group.name,
        "agent": group.plan.agent.id,
        "edition": group.plan.edition,
        "split_key_hash": group.plan.split_key_hash,
        "mock_competitions": sorted({entry.competition_id for entry in graded if entry.data == "mock"}),
        "planned_runs": len(records),
        "states": dict(Counter(record.state for record in records)),
        "infrastructure_failures": [
            {"run_id": record.run_id, "reason": record.reason, "detail": record.detail} for record in infrastructure
        ],
        "runs_with_several_attempts": [record.run_id for record in records if record.attempt > 1],
        "run_seconds": round(sum(record.wall_seconds or 0 for record in records), 3),
        "gpu_hours": round(sum(record.gpu_hours for record in records), 6),
        "peak_memory_bytes": max((record.resources.get("peak_memory_bytes") or 0 for record in records), default=0) or None,
        "usage": total(measured).to_dict() if measured else {},
        "reported_usage": {key: value for key in _CLAIMED_TOTALS if (value := getattr(claimed, key)) is not None},
    }


def usage_words(totals: dict[str, Any]) -> str:
    """The cost of model calls from a group's totals, in a few words; empty if unknown."""
    if totals["usage"]:
        measured = Usage(**{**totals["usage"], "models": {}})
        parts = [f"{counted(measured.calls or 0, 'call')} to models", counted(measured.tokens or 0, "token")]
        return ", ".join([*parts, "cost unknown" if measured.cost_usd is None else f"{measured.cost_usd:,.2f} USD"])
    cost = totals["reported_usage"].get("cost_usd")
    return "" if cost is None else f"{cost:,.2f} USD as reported by the agent"


def _usage_of_attempts(record: RunRecord) -> Iterator[Usage]:
    """The gateway's measurements of every attempt, as each cost money."""
    for content in (record.usage, *(attempt.get("usage") for attempt in record.attempts)):
        if (usage := read_usage(content)) is not None:
            yield usage
