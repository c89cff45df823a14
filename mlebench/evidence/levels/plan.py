"""Level 3: every planned run is present once, within its limits, by the recorded agent.

What a group says three times, in its plan, its conditions and its manifest, must be one thing; the hash of the plan in each
record ties the runs to it. A setting that was declared is part of the plan, and the rules of a board say whether they allow it.
"""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from grading.printable import printable
from grading.wording import counted
from mlebench._support.version import VERSION
from mlebench._support.yaml_model import read_yaml
from mlebench.errors import UsageError
from mlebench.evidence.levels.run_ends import contradictions
from mlebench.evidence.names import AGENTS, name_of
from mlebench.evidence.opened import AGENT_FILE, GROUP_FILE, RECORD_FILE, OpenedBundle, OpenedGroup
from mlebench.evidence.verdict import Finding, Level
from mlebench.profiles import get_profile
from mlebench.runs.agent_files import fingerprint_of, is_same_content, settings_in
from mlebench.runs.conditions import Conditions
from mlebench.runs.group_report import REPORT_FILE, SNAPSHOT_FILE
from mlebench.runs.imported import Imported
from mlebench.runs.models import served_models
from mlebench.runs.plan import PlannedRun
from mlebench.runs.record import RunRecord, seconds_between

_OF_SURROUNDINGS = ("competition_versions", "instance_hashes", "data", "harness")
"""Conditions that no plan says."""
_SLACK = 60.0
"""Seconds that stopping a run may take next to its grace, and by which the clocks of two machines may differ."""
_ROUNDED = 0.002


def plan_level(bundle: OpenedBundle) -> Level:
    """The level; see the module."""
    looks = [_Look(bundle, group) for group in bundle.groups]
    findings = [*(finding for look in looks for finding in look.findings()), *_copies(looks)]
    flags = tuple(flag for look in looks for flag in look.flags)
    if findings:
        return Level.failing("plan", f"{counted(len(findings), 'item')} not as planned", findings, flags)
    runs = sum(len(look.group.records) for look in looks)
    overrides = [words for look in looks if (words := look.overrides)]
    summary = "; ".join([f"{counted(runs, 'run')}, every planned one exactly once", *overrides])
    if gaps := [gap for look in looks for gap in look.gaps]:
        return Level("plan", "not claimed", f"{summary}; {'; '.join(dict.fromkeys(gaps))}", flags=flags)
    return Level("plan", "holds", summary, flags=flags)


class _Look:
    """What looking at one group came to."""

    def __init__(self, bundle: OpenedBundle, group: OpenedGroup) -> None:
        self.group = group
        self.gaps: list[str] = []
        """What cannot be looked at."""
        self.flags: list[Finding] = []
        self._bundle = bundle
        self._plan = group.group.plan
        self._file = f"{group.prefix}/{GROUP_FILE}"

    @property
    def overrides(self) -> str:
        """Settings of the profile that were declared for the group."""
        settings = self._plan.profile_settings
        return f"{printable(self.group.name, 60)} runs under {printable(self._plan.profile.name, 200)}" if settings else ""

    def findings(self) -> Iterator[Finding]:
        if self.group.group.imported is not None:
            yield from self._of_import(self.group.group.imported)
            return
        yield from self._of_conditions()
        yield from self._of_manifest()
        yield from self._of_profile()
        yield from self._of_agent()
        yield from self._of_runs()
        yield from self._of_hashes()
        for run_id, record in self.group.records.items():
            yield from (Finding(self.group.file_of(run_id, RECORD_FILE), said) for said in self._of_record(run_id, record))

    def _of_import(self, imported: Imported) -> Iterator[Finding]:
        """Of runs of another harness, which no plan of ours is known of, what is said of them must be said once."""
        self.gaps.append(f"{printable(self.group.name, 60)} was imported from {imported.words}, so its limits are unknown")
        reports = [report for record in self.group.records.values() if (report := record.graded) is not None]
        count = sum(not report.submission_path for report in reports)
        said = f"it was imported; {count} of {counted(len(reports), 'result')} as stated by {imported.tool}"
        self.flags.append(Finding(self._file, said))
        stated = self.group.group.conditions
        for part in ("limits", "sandbox", "network", "agent_fingerprint"):
            if getattr(stated, part) is not None:
                yield Finding(self._file, f"it was imported, and `conditions.{part}` states something unknowable")
        if self._plan.has_known_limits:
            yield Finding(self._file, "it was imported, but its plan states limits and a sandbox of this harness")
        yield from self._of_runs()
        yield from self._of_hashes()

    def _of_conditions(self) -> Iterator[Finding]:
        written = read_yaml(self.group.group.folder / GROUP_FILE)
        if "conditions" not in written:
            yield from self._lacking("`conditions`")
        if written.get("group") not in (self._recorded_name, self.group.name):
            yield Finding(self._file, "its `group` differs from the name in the records of its runs")
        stated, planned = self.group.group.conditions, Conditions.of_plan(self._plan)
        for part in (entry.name for entry in fields(Conditions) if entry.name not in _OF_SURROUNDINGS):
            if _plain(getattr(stated, part)) != _plain(getattr(planned, part)):
                yield Finding(self._file, f"`conditions.{part}` is not what the plan says")
        known = set(self._plan.competitions)
        if set(stated.competition_versions) != known:
            yield Finding(self._file, "`conditions.competition_versions` list competitions other than the plan's")
        if not {*stated.instance_hashes, *stated.data} <= known:
            yield Finding(self._file, "`conditions` list competitions that the plan does not")

    def _lacking(self, part: str) -> Iterator[Finding]:
        """What every group says since records hold the hash of their plan."""
        if any(record.plan_sha256 is not None for record in self.group.records.values()):
            yield Finding(self._file, f"it does not say {part}")
        else:
            self.gaps.append(f"a group of an earlier harness does not say {part}")

    def _of_manifest(self) -> Iterator[Finding]:
        plan, manifest = self._plan, self.group.group.manifest
        profile = plan.profile
        planned = {
            "sandbox": plan.sandbox,
            "network": plan.agents_network,
            "time_limit_seconds": profile.time_limit,
            "models": plan.agent.models,
            "models_served": served_models(plan),
            "budget": profile.budget.limits,
            "allow": profile.allow,
            "grants": profile.grants,
            "arguments": plan.agent.arguments,
        }
        for part, value in planned.items():
            if part not in manifest:
                yield from self._lacking(f"`manifest.{part}`")
            elif _plain(manifest[part]) != _plain(value):
                yield Finding(self._file, f"`manifest.{part}` is not what the plan says")
        version, series = _mapping(manifest.get("harness")).get("version"), self.group.group.conditions.harness
        if isinstance(version, str) and series is not None and ".".join(version.split(".")[:2]) != series:
            yield Finding(self._file, "`conditions.harness` differs from `manifest.harness`")

    def _of_profile(self) -> Iterator[Finding]:
        plan, stated = self._plan, self._plan.profile
        try:
            base = get_profile(stated.name.partition("+")[0])
        except UsageError:
            self.flags.append(Finding(self._file, f"the profile {printable(stated.name)} is unknown to this harness"))
            return
        try:
            known = base.changed({**plan.agent.resources, **plan.profile_settings})
        except UsageError as error:
            yield Finding(self._file, f"`plan.profile_settings` is invalid: {printable(str(error), 200)}")
            return
        if known.name != stated.name:
            yield Finding(
                self._file,
                f"the profile is called {printable(stated.name, 100)}, and its settings make {printable(known.name, 100)}",
            )
            return
        mine, theirs = known.model_dump(mode="json"), stated.model_dump(mode="json")
        keys = [key for key in mine if mine[key] != theirs[key] and key not in ("name", "description")]
        if not keys:
            return
        said = (
            f"{', '.join(keys)} of the profile {printable(stated.name, 100)} {'is' if len(keys) == 1 else 'are'} not what it says"
        )
        if _mapping(self.group.group.manifest.get("harness")).get("version") == VERSION:
            yield Finding(self._file, said)
        else:
            self.flags.append(Finding(self._file, f"{said} in this version of the harness"))

    def _of_agent(self) -> Iterator[Finding]:
        """The agent's folder against the hashes that were taken of it when the group was made."""
        prefix = name_of(AGENTS, self.group.name)
        digests = {entry.name: entry.sha256 for entry in self._bundle.statement.subjects if entry.name.startswith(f"{prefix}/")}
        by_hash = {
            name: entry.sha256 for name, entry in self._bundle.left_out.items() if name == prefix or name.startswith(f"{prefix}/")
        }
        there = {name.removeprefix(f"{prefix}/"): digest for name, digest in {**by_hash, **digests}.items() if name != prefix}
        whole = prefix in by_hash
        if not digests and not by_hash:
            yield Finding(f"{prefix}/{AGENT_FILE}", "the agent's folder is not in the bundle")
            return
        kept = _mapping(self.group.group.manifest.get("agent_files"))
        if not kept:
            yield from self._lacking("`manifest.agent_files`")
        found = list(_of_files(kept, there, prefix)) if kept and not whole else []
        yield from found
        if by_hash:
            self.gaps.append("the agent's folder, or part of it, is present only as hashes")
        if whole or None in there.values():
            return
        if not self._plan.agent_fingerprint:
            self.gaps.append("no fingerprint of the agent's folder was kept")
        elif (
            not found
            and fingerprint_of({unquote_to_bytes(name): digest or "" for name, digest in there.items()})
            != self._plan.agent_fingerprint
        ):
            yield Finding(self._file, "`plan.agent_fingerprint` is not that of the agent's folder in the bundle")
        if not by_hash:
            yield from self._of_agent_file(prefix)

    def _of_agent_file(self, prefix: str) -> Iterator[Finding]:
        path = self._bundle.folder / prefix / AGENT_FILE
        name = f"{prefix}/{AGENT_FILE}"
        try:
            differing = settings_in(path.parent, self._plan.agent, self._plan.argument_settings)
        except UsageError as error:
            yield Finding(name, printable(str(error).replace(str(path), AGENT_FILE), 300))
            return
        yield from (Finding(name, f"its `{key}` is not that of the plan") for key in differing)

    def _of_runs(self) -> Iterator[Finding]:
        """Every planned run is there once, and nothing else."""
        prefix = f"{self.group.prefix}/"
        plan = self._plan
        if not plan.runs:
            yield Finding(self._file, "it plans no runs")
        for name, count in Counter(run.run_id for run in plan.runs).items():
            if count > 1:
                yield Finding(self._file, f"the plan lists the run {printable(name)} {count} times")
        planned = {run.run_id: None for run in plan.runs}
        inside = (name.split("/") for name in self._names)
        unknown = {
            "/".join(parts[:2]) if len(parts) > 1 else parts[0]
            for parts in inside
            if parts[0] not in planned and (len(parts) > 1 or parts[0] not in (GROUP_FILE, REPORT_FILE, SNAPSHOT_FILE))
        }
        yield from (Finding(prefix + name, "the plan does not list this run") for name in sorted(unknown))
        for run_id in planned:
            name = self.group.file_of(run_id, RECORD_FILE)
            if run_id in self.group.unreadable:
                yield Finding(name, self.group.unreadable[run_id])
            elif run_id not in self.group.records:
                by_hash = self.group.is_left_out(name)
                yield Finding(
                    name, "the run's record is present only as a hash" if by_hash else "this run of the plan has no record"
                )

    def _of_hashes(self) -> Iterator[Finding]:
        """Whether the runs were made under this plan."""
        records, mine = self.group.records, self._plan.sha256
        stated = Counter(record.plan_sha256 for record in records.values() if record.plan_sha256 is not None)
        if not stated:
            self.gaps.append("records from before the hash of a plan was kept do not say under which one they ran")
        if stated and mine not in stated:
            yield Finding(self._file, "the plan does not match the hash in the records")
        for run_id, record in records.items():
            if mine in stated and record.plan_sha256 != mine:
                which = "another" if record.plan_sha256 is not None else "no"
                yield Finding(self.group.file_of(run_id, RECORD_FILE), f"it contains the hash of {which} plan")

    def _of_record(self, run_id: str, record: RunRecord) -> Iterator[str]:
        plan = self._plan
        run = self._runs[run_id]
        planned = {
            "run_id": run_id, "competition_id": run.competition_id, "seed": run.seed, "agent": plan.agent.id,
            "edition": plan.edition, "group": self._recorded_name,
        }  # fmt: skip
        for key, value in planned.items():
            if getattr(record, key) != value:
                yield f"its `{key}` is {printable(str(getattr(record, key)))}, and the plan's is {printable(str(value))}"
        if record.created_at is not None and record.created_at != self.group.group.created_at:
            yield "its `created_at` is not the group's"
        if not record.has_ended:
            yield f"the run has not ended: it is {record.state}"
            return
        yield from self._of_times(record)
        yield from contradictions(record, plan.profile.gpus, self._attempt_folders[run_id])

    @functools.cached_property
    def _runs(self) -> Mapping[str, PlannedRun]:
        return {run.run_id: run for run in self._plan.runs}

    @functools.cached_property
    def _attempt_folders(self) -> Mapping[str, frozenset[str]]:
        """Names of the folders of earlier attempts, by run."""
        found: dict[str, set[str]] = defaultdict(set)
        for name in self._names:
            parts = name.split("/")
            if len(parts) > 2 and parts[1] == "attempts":
                found[unquote(parts[0])].add(parts[2])
        return defaultdict(frozenset, {run_id: frozenset(names) for run_id, names in found.items()})

    @functools.cached_property
    def _names(self) -> tuple[str, ...]:
        """Of all files of the group, those that stand by hash alone included; below its folder."""
        prefix = f"{self.group.prefix}/"
        names = [entry.name for entry in self._bundle.statement.subjects] + list(self._bundle.left_out)
        return tuple(name.removeprefix(prefix) for name in names if name.startswith(prefix))

    @property
    def _recorded_name(self) -> str:
        """What the group was called when it was made; its folder may have another name since."""
        names = {record.group for record in self.group.records.values()}
        return next(iter(names)) if len(names) == 1 else self.group.name

    def _of_times(self, record: RunRecord) -> Iterator[str]:
        start, end, wall = record.started_at, record.ended_at, record.wall_seconds
        if start is None or end is None:
            if record.state in ("finished", "timed-out"):
                yield "it does not say when the run started and ended"
            return
        lasted = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
        if lasted < 0:
            yield "the run ended before it started"
        elif wall is None or abs(wall - seconds_between(start, end)) > _ROUNDED:
            yield f"`wall_seconds` is {wall}, and from start to end it is {lasted:.3f}"
        if lasted > (most := self._plan.profile.time_limit + self._plan.profile.grace) + _SLACK:
            yield f"the run took {lasted:.0f} s, and its limits are {most:.0f} s"
        if datetime.fromisoformat(start).timestamp() < datetime.fromisoformat(self.group.group.created_at).timestamp() - _SLACK:
            yield "the run started before its group was made"


def _copies(looks: Sequence[_Look]) -> Iterator[Finding]:
    """Two runs that started and ended in the same microsecond are one run, whatever group each is in."""
    times = defaultdict(list)
    for look in looks:
        for run_id, record in look.group.records.items():
            if record.started_at is not None and record.ended_at is not None:
                times[record.started_at, record.ended_at].append(look.group.file_of(run_id, RECORD_FILE))
    for same in times.values():
        for name in same if len(same) > 1 else []:
            others = ", ".join(other for other in same if other != name)
            yield Finding(name, f"it started and ended in the same microseconds as {printable(others, 200)}")


def _of_files(kept: Mapping[str, Any], there: Mapping[str, str | None], prefix: str) -> Iterator[Finding]:
    recorded = {name_of(name): digest for name, digest in kept.items() if isinstance(name, str)}
    for name in sorted({*recorded, *there}):
        where = f"{prefix}/{name}"
        if name not in there:
            yield Finding(printable(where, 200), "the agent had this file, but it is not in the bundle")
        elif name not in recorded:
            yield Finding(where, "the agent did not have this file when the group was created")
        elif there[name] is not None and not is_same_content(recorded[name], there[name]):
            yield Finding(where, "it differs from the file that the agent had when the group was created")


def _plain(value: Any) -> Any:
    """A value as a reader of YAML has it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}
