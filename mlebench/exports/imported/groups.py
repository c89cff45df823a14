"""Makes run groups of the runs of another harness: one for each configuration of an agent, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grading.printable import printable
from grading.report import CompetitionReport
from grading.wording import counted
from mlebench._support.folders import PARTIAL
from mlebench._support.hints import command
from mlebench._support.steps import Listener, Step, Tally, ignore
from mlebench._support.version import VERSION
from mlebench.errors import UsageError
from mlebench.exports.imported.found import AgentConfiguration, Found, FoundRun
from mlebench.exports.imported.left import copy_left
from mlebench.exports.imported.stated import COMPARED, Stated, stated_report
from mlebench.preparation.digests import digests_by_id
from mlebench.registry import Competition, Registry
from mlebench.registry.facts import EditionName
from mlebench.runs.claims import harmless
from mlebench.runs.conditions import Conditions
from mlebench.runs.group import Group, agent_part, list_groups
from mlebench.runs.group_report import write_grading_report
from mlebench.runs.imported import TOOLS, Imported, ImportedRun, agent_of
from mlebench.runs.manifest import harness_commit
from mlebench.runs.plan import UNKNOWN_LIMITS, Plan, PlannedRun
from mlebench.runs.record import RunRecord
from mlebench.runs.regrade import regrade_group
from mlebench.runs.result import book_report, submission_digest

_MOST_SEEDS = 10_000
_BEFORE_ID = re.compile(r"(mlebench|mle-bench|mle_bench|mle)[/_:-]+")
_AFTER_ID = re.compile(r"[-_@.:]v[12]")


@dataclass(frozen=True)
class Options:
    """How runs are imported."""

    runs_dir: Path
    registry: Registry
    """Sets the edition for a source that states none."""
    name: str | None = None
    """Of the groups; also says that runs may be there twice."""
    regrade: bool = False
    """Whether submissions that are at hand are graded, on data that is prepared here."""
    jobs: int = 1


@dataclass(frozen=True)
class Made:
    """A group that was made."""

    group: Group
    results: int
    """Runs with a result."""
    graded: int
    """Runs whose submission was graded here."""
    notes: tuple[str, ...]
    """What a reader should know of single runs; sentences."""
    differences: tuple[str, ...]
    """Where grading here gives another result than was stated; sentences."""


@dataclass(frozen=True)
class Outcome:
    """What importing came to."""

    made: tuple[Made, ...]
    problems: tuple[str, ...]
    """A sentence for each run that was not imported."""


@dataclass
class _Batch:
    """The runs that become one group."""

    found: Found
    agent: AgentConfiguration
    edition: EditionName
    key_hash: str | None
    """Of the secret key that the data was split with."""
    runs: dict[PlannedRun, FoundRun] = field(default_factory=dict)
    competitions: dict[str, Competition] = field(default_factory=dict)
    data: dict[str, CompetitionReport] = field(default_factory=dict)
    """By competition a report that says as much of its data as any."""


def import_runs(sources: Sequence[Found], options: Options, listener: Listener = ignore) -> Outcome:
    """Make the groups.

    Args:
        sources: the runs.
        options: how.
        listener: gets the runs of each group that are copied, and the submissions that are graded.

    Raises:
        UsageError: a group of the name exists, runs are imported already, or no run can be imported.
        WorkFailed: a file cannot be copied.
    """
    problems: dict[int, list[str]] = {id(found): list(found.problems) for found in sources}
    seen: set[str] = set()
    batches = [batch for found in sources for batch in _batches(found, options, problems[id(found)], seen)]
    told = [problem for found in sources for problem in problems[id(found)]]
    if not batches:
        more = f" ({told[0]}{f', and {len(told) - 1} more' if len(told) > 1 else ''})" if told else ""
        raise UsageError(f"no run there can be imported{more}; `mlebench import --help` says what can")
    _refuse_again(batches, options)
    names = _names(batches, options)
    with _aside(options.runs_dir) as folder:
        made = []
        for batch, name in zip(batches, names, strict=True):
            made.append(_make(folder, batch, name, options, problems[id(batch.found)], listener))
        told = [problem for found in sources for problem in problems[id(found)]]
        return Outcome(tuple(_put(one, options.runs_dir) for one in made), tuple(told))


# which runs


def _batches(found: Found, options: Options, problems: list[str], seen: set[str]) -> list[_Batch]:
    """The runs that can be imported, by the agent's configuration and the edition.

    Args:
        found: the runs of a source.
        options: how they are imported.
        problems: gets a sentence for each run that cannot be.
        seen: the ids of runs so far, also of other sources: a copy of a job or log is the same runs.
    """
    batches: dict[tuple[str, str, str | None], _Batch] = {}
    for run in sorted(found.runs, key=lambda run: (run.started_at or datetime.max.replace(tzinfo=UTC), run.name)):
        try:
            if run.id is not None and run.id in seen:
                raise ValueError("it is a copy of another one")
            seen |= {run.id} if run.id is not None else set()
            competition = _competition(run, options.registry)
            edition, key_hash = competition.edition.name, run.split_key_hash or competition.edition.key_hash
            agent = repr((run.agent.name, run.agent.models, sorted(run.agent.arguments.items())))
            batch = batches.setdefault((agent, edition, key_hash), _Batch(found, run.agent, edition, key_hash))
            planned = PlannedRun(competition.id, _seed(run, competition.id, batch))
            if planned in batch.runs:
                raise ValueError(f"it is seed {planned.seed} of {competition.id}, which is there already")
            stated = _stated(run, competition, planned, batch)
            _refuse_other_data_than_before(batch, None if stated is None else stated.report)
        except (ValueError, UsageError) as error:
            problems.append(f"{run.name} is left out: {printable(str(error), 300)}")
        else:
            batch.competitions[competition.id] = competition
            batch.runs[planned] = run
            if stated is not None and batch.data.setdefault(competition.id, stated.report).competition_version is None:
                batch.data[competition.id] = stated.report
    return [batch for batch in batches.values() if batch.runs]


def _refuse_other_data_than_before(batch: _Batch, report: CompetitionReport | None) -> None:
    """The results of a group are averaged, so those of one competition are of one data; a version may be unknown.

    Raises:
        ValueError: the report is of other data than one before it.
    """
    before = None if report is None else batch.data.get(report.competition_id)
    if report is None or before is None:
        return
    for key in ("instance_hash", "competition_version", "data"):
        one, other = getattr(before, key), getattr(report, key)
        if one != other and (key == "instance_hash" or None not in (one, other)):
            raise ValueError(f"its {key.replace('_', ' ')} is {other}, but that of earlier runs is {one}")


def _competition(run: FoundRun, registry: Registry) -> Competition:
    """The competition that a task is called after: its id alone, or with the name of the benchmark and an edition beside it.

    Raises:
        ValueError: there is none.
    """
    edition = run.edition or registry.edition
    if edition not in ("v1", "v2"):
        raise ValueError(f"its edition {printable(edition, 20)} is unknown; the editions are v1 and v2")
    name = run.task.strip().lower()
    last = name.rpartition("/")[2]
    stems = dict.fromkeys((last, _BEFORE_ID.sub("", name, count=1), _BEFORE_ID.sub("", last, count=1)))
    for stem in (*stems, *(_AFTER_ID.sub("", stem) for stem in stems)):
        try:
            key = None if edition != registry.edition else registry.split_key
            return replace(registry, edition=edition, split_key=key).get_competition(stem)  # type: ignore[arg-type]
        except UsageError:
            continue
    raise ValueError(f"its task {printable(run.task, 80)} is not a known competition; `mlebench list` lists all competitions")


def _seed(run: FoundRun, competition_id: str, batch: _Batch) -> int:
    if run.seed is not None:
        if not 0 <= run.seed < _MOST_SEEDS:
            raise ValueError(f"its seed {printable(str(run.seed), 30)} is invalid")
        return run.seed
    return sum(planned.competition_id == competition_id for planned in batch.runs)


def _stated(run: FoundRun, competition: Competition, planned: PlannedRun, batch: _Batch) -> Stated | None:
    """What was stated of a run that has ended with a result; None of one that has none.

    Raises:
        ValueError: it states no result, or what it states cannot be.
    """
    if run.is_ungraded or run.end.failure_class == "infrastructure" or run.end.state == "cancelled":
        return None
    return stated_report(
        competition,
        batch.key_hash,
        run.stated,
        tool=TOOLS[batch.found.format],
        run_id=planned.run_id,
        seed=planned.seed,
        ended_at=run.ended_at or datetime.now(UTC),
        has_submission=run.submission is not None,
    )


def _refuse_again(batches: Sequence[_Batch], options: Options) -> None:
    """A run counts once, unless somebody names another group for it."""
    if options.name is not None:
        return
    ids = {run.id for batch in batches for run in batch.runs.values() if run.id is not None}
    for group in list_groups(options.runs_dir) if options.runs_dir.is_dir() else ():
        if group.imported is not None and (shared := ids & group.imported.ids):
            are = "is" if len(shared) == 1 else "are"
            raise UsageError(
                f"{counted(len(shared), 'run')} of these {are} imported already, in {group.name}; "
                "`mlebench runs` lists the groups, and `--name NAME` imports them again"
            )


def _names(batches: Sequence[_Batch], options: Options) -> list[str]:
    """Of the groups: the given name or that of the source, with the agent's where there are several."""
    names: list[str] = []
    for batch in batches:
        of_source = options.name or agent_part(batch.found.source).lstrip("-._+=") or batch.found.format
        several = len(batches) > 1 if options.name else sum(other.found is batch.found for other in batches) > 1
        stem = f"{of_source}_{agent_part('-'.join((batch.agent.name, *batch.agent.models)))}" if several else of_source
        name = next(name for name in _numbered(stem) if name not in names)
        if (options.runs_dir / name).exists():
            raise UsageError(f"{options.runs_dir / name} exists; choose another name with `--name`")
        names.append(name)
    return names


def _numbered(stem: str) -> Iterator[str]:
    yield stem
    yield from (f"{stem}-{number}" for number in range(2, 100_000))


# the groups


@contextlib.contextmanager
def _aside(runs_dir: Path) -> Iterator[Path]:
    """A folder beside the groups in which new ones are made; what is left in it is removed."""
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix=PARTIAL, dir=runs_dir, ignore_cleanup_errors=True)
    except OSError as error:
        raise UsageError(f"cannot write to {runs_dir} ({error.strerror}); choose another place with `--runs-dir`") from None
    with folder as name:
        yield Path(name)


def _put(made: Made, runs_dir: Path) -> Made:
    """Give a group its place."""
    target = runs_dir.absolute() / made.group.name
    try:
        made.group.folder.rename(target)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise
        raise UsageError(f"{target} was created in the meantime; choose another name with `--name`") from None
    return replace(made, group=replace(made.group, folder=target))


def _make(folder: Path, batch: _Batch, name: str, options: Options, problems: list[str], listener: Listener) -> Made:
    runs = dict(sorted(batch.runs.items(), key=lambda entry: (entry[0].seed, entry[0].competition_id)))
    plan = _plan(batch, tuple(runs), options)
    group = Group.create(folder, plan, {}, name, conditions=_conditions(batch, plan))
    notes: list[str] = []
    stated: dict[str, CompetitionReport] = {}
    tally = Tally(listener, name, "importing", len(runs), "run", every=0)
    for planned, run in runs.items():
        notes += [f"{run.name}: {note}" for note in copy_left(run, group.run_dir(planned.run_id))]
        record, report = _record(group, planned, run, batch)
        record.write(group.run_dir(planned.run_id))
        if report is not None:
            stated[planned.run_id] = report.report
            notes += [f"{run.name}: {printable(note, 300)}" for note in report.notes]
        tally.add()
    listener(Step(name, ""))
    imported = _imported(batch, runs, stated, problems)
    group = group.with_circumstances(_with_data(group.conditions, stated.values()), _manifest(imported))
    write_grading_report(group)
    graded, differences = _regraded(group, batch, stated, options, listener) if options.regrade else ({}, [])
    if graded:
        group = _with_graded_data(group, batch, graded)
    if ungraded := sum(run.is_ungraded for run in runs.values()) if not options.regrade else 0:
        has = "has" if ungraded == 1 else "have"
        grade = command("grade", options.runs_dir / name)
        notes.append(f"{counted(ungraded, 'run')} of {name} {has} no result yet; {grade} grades what was submitted")
    return Made(group, len(stated.keys() | graded.keys()), len(graded), tuple(notes), tuple(differences))


def _plan(batch: _Batch, runs: tuple[PlannedRun, ...], options: Options) -> Plan:
    return Plan(
        agent=agent_of(batch.found.format, batch.agent.name, batch.agent.arguments),
        competitions=tuple(dict.fromkeys(run.competition_id for run in runs)),
        seeds=tuple(dict.fromkeys(run.seed for run in runs)),
        profile=UNKNOWN_LIMITS,
        sandbox=None,
        edition=batch.edition,
        split_key_hash=batch.key_hash,
        data_dir=options.registry.data_dir,
        listed=runs,
    )


def _conditions(batch: _Batch, plan: Plan) -> Conditions:
    """What is known: the agent, what it asked and how it was set up; the rest is another harness's."""
    version = batch.found.tool_version
    tool = TOOLS[batch.found.format]
    return Conditions(
        agent=plan.agent.id,
        arguments=dict(batch.agent.arguments),
        models=batch.agent.models or None,
        edition=plan.edition,
        split_key_hash=plan.split_key_hash,
        competition_versions=dict.fromkeys(plan.competitions),
        harness=tool if version is None else f"{tool} {'.'.join(version.split('.')[:2])}",
        profile=UNKNOWN_LIMITS.name,
    )


def _with_data(conditions: Conditions, reports: Iterable[CompetitionReport]) -> Conditions:
    """The conditions with what reports tell of the data, as far as those of a competition do not contradict each other."""
    listed = list(reports)
    versions = _told(listed, "competition_version")
    return replace(
        conditions,
        competition_versions={name: versions.get(name) for name in conditions.competition_versions},
        instance_hashes=_told(listed, "instance_hash"),
        data=_told(listed, "data"),
    )


def _told(reports: Iterable[CompetitionReport], key: str) -> dict[str, Any]:
    """By competition what its reports say, where all that say something say the same."""
    told: dict[str, set[Any]] = defaultdict(set)
    for report in reports:
        told[report.competition_id] |= {value} if (value := getattr(report, key)) is not None else set()
    return {name: next(iter(values)) for name, values in told.items() if len(values) == 1}


def _imported(
    batch: _Batch, runs: Mapping[PlannedRun, FoundRun], stated: Mapping[str, CompetitionReport], problems: Sequence[str]
) -> Imported:
    found = batch.found
    return Imported(
        format=found.format,
        tool_version=found.tool_version,
        source=found.source,
        files=dict(found.files),
        left_out=tuple(problems),
        runs={
            planned.run_id: ImportedRun(
                name=run.name,
                id=run.id,
                stated={key: getattr(stated[planned.run_id], key) for key in COMPARED} if planned.run_id in stated else {},
            )
            for planned, run in runs.items()
        },
        harness={"version": VERSION, "commit": harness_commit()},
    )


def _manifest(imported: Imported) -> dict[str, Any]:
    """Of the circumstances nothing is known but where the runs come from."""
    return {"imported": imported.model_dump(mode="json"), "harness": {"version": None}, "sandbox": None, "engine": None}


def _record(group: Group, planned: PlannedRun, run: FoundRun, batch: _Batch) -> tuple[RunRecord, Stated | None]:
    record = RunRecord(
        run_id=planned.run_id,
        group=group.name,
        competition_id=planned.competition_id,
        seed=planned.seed,
        agent=group.plan.agent.id,
        edition=group.plan.edition,
        state=run.end.state,
        attempt=1,
        reason=run.end.reason,
        detail=run.end.detail,
        failure_class=run.end.failure_class,
        plan_sha256=group.plan.sha256,
        created_at=group.created_at,
        started_at=None if run.started_at is None else run.started_at.isoformat(),
        ended_at=None if run.ended_at is None else run.ended_at.isoformat(),
        wall_seconds=None if run.seconds is None else round(run.seconds, 3),
        reported_usage=harmless(run.usage),
        submission_sha256=submission_digest(group.run_dir(planned.run_id)),
    )
    stated = _stated(run, batch.competitions[planned.competition_id], planned, batch)
    if stated is not None:
        book_report(record, stated.report)
    return record, stated


# grading here


def _regraded(
    group: Group,
    batch: _Batch,
    stated: Mapping[str, CompetitionReport],
    options: Options,
    listener: Listener,
) -> tuple[dict[str, CompetitionReport], list[str]]:
    """Grade the submissions that are at hand; returns their reports by run, and where they are not as stated.

    Raises:
        UsageError: data is not prepared, or was split with another key.
    """
    before = {record.run_id: record for record in group.records()}
    if not any(record.submission_sha256 for record in before.values()):
        return {}, []
    _refuse_other_data(batch, before.values())
    regrade_group(
        group.folder,
        split_key=options.registry.split_key,
        data_dir=options.registry.data_dir,
        jobs=options.jobs,
        listener=listener,
    )
    names = {planned.run_id: run.name for planned, run in batch.runs.items()}
    graded: dict[str, CompetitionReport] = {}
    differences: list[str] = []
    for record in group.records():
        report = record.graded
        if report is None or not report.submission_path:
            continue
        graded[record.run_id] = report
        told = stated.get(record.run_id)
        changes = [] if told is None else [key for key in COMPARED if getattr(report, key) != getattr(told, key)]
        if changes:
            said = ", ".join(f"{key} {_shown(getattr(told, key))} → {_shown(getattr(report, key))}" for key in changes)
            differences.append(f"{names[record.run_id]}: its result here differs from the stated one: {said}")
    return graded, differences


def _refuse_other_data(batch: _Batch, records: Iterable[RunRecord]) -> None:
    """Submissions are graded only on the data that was worked on.

    Raises:
        UsageError: it was made from another key than the data here.
    """
    for name in dict.fromkeys(record.competition_id for record in records if record.submission_sha256):
        competition, told = batch.competitions[name], batch.data.get(name)
        is_other = told is not None and told.instance_hash not in (None, competition.instance_hash)
        if is_other or batch.key_hash != competition.edition.key_hash:
            raise UsageError(
                f"{batch.found.source} used data of {name} from another split key than the data here; pass that key "
                "with `--split-key KEY`, or import without `--regrade`"
            )


def _shown(value: object) -> str:
    return "none" if value is None else printable(str(value), 30)


def _with_graded_data(group: Group, batch: _Batch, graded: Mapping[str, CompetitionReport]) -> Group:
    """The group with the digests of the data that was graded on."""
    reports = [report for record in group.records() if (report := record.graded) is not None]
    names = {report.competition_id for report in graded.values()}
    data = digests_by_id(batch.competitions[name] for name in sorted(names))
    return group.with_circumstances(_with_data(group.conditions, reports), {**group.manifest, "data": data})
