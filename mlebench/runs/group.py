"""A run group: a folder with `group.yaml` (the frozen plan, and how the group is run) and the records of its runs."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from grading.printable import printable
from mlebench._support.files import time_in_name, write_yaml
from mlebench._support.folders import entries_of, remove_tree
from mlebench._support.hints import command, unknown
from mlebench._support.quantities import show_size
from mlebench._support.yaml_model import describe, read_yaml
from mlebench.errors import UsageError, WorkFailed
from mlebench.runs.conditions import Conditions
from mlebench.runs.imported import Imported
from mlebench.runs.lock import hold
from mlebench.runs.plan import Plan, PlannedRun
from mlebench.runs.record import RECORD_DAMAGED, RunRecord, checked_time, now
from mlebench.runs.settings import RunSettings

_FILE = "group.yaml"
_LARGEST = 64 * 2**20
"""Bytes; a plan that lists a million runs is smaller."""
_LONGEST_AGENT_PART = 80


class _Image(BaseModel):
    digest: str


class _Engine(BaseModel):
    images: dict[str, _Image] | None = None


class _Harness(BaseModel):
    version: str | None = None


class _Manifest(BaseModel):
    """The parts of a manifest that are read back; the rest is for people."""

    engine: _Engine | None = _Engine()
    harness: _Harness = _Harness()
    executor: str = "local"
    agent_files: dict[str, str] = {}
    imported: Imported | None = None


class _Content(BaseModel):
    """The types in `group.yaml`, so that readers need not check again."""

    model_config = ConfigDict(title="its content")

    created_at: Annotated[str, AfterValidator(checked_time)]
    plan: dict[str, Any]
    manifest: _Manifest
    settings: dict[str, Any] = {}


@dataclass(frozen=True)
class Group:
    """A run group."""

    folder: Path
    plan: Plan
    created_at: str
    conditions: Conditions
    """What makes its runs comparable with others, as of the group's creation."""
    manifest: dict[str, Any]
    settings: RunSettings = field(default_factory=RunSettings)
    """How it is run; may change on resume."""

    @functools.cached_property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def command(self, *words: str) -> str:
        """A command in backticks that finds this group wherever it is; see `hints.command`."""
        return command(*words, runs_dir=self.folder.absolute().parent)

    @functools.cached_property
    def imported(self) -> Imported | None:
        """The source of runs that another harness made; None for this harness's own."""
        content = self.manifest.get("imported")
        return None if content is None else Imported.model_validate(content)

    def refuse_imported(self, what: str) -> None:
        """Refuse to execute runs of another harness.

        Args:
            what: the requested operation, such as `resumed`.

        Raises:
            UsageError: it was imported.
        """
        if self.imported is not None:
            raise UsageError(
                f"{self.name} was imported from {self.imported.words} and cannot be {what}, as its runs belong to another "
                f"harness; "
                "use `mlebench run` to start your own runs"
            )

    def run_dir(self, run_id: str) -> Path:
        """Folder of one run."""
        return self.folder / run_id

    def records(self) -> list[RunRecord]:
        """The records of all runs, in the plan's order."""
        return [self.record(run) for run in self.plan.runs]

    def record(self, run: PlannedRun) -> RunRecord:
        """The record of one run; pending if there is none yet, an infrastructure failure if it is damaged."""
        folder = self.run_dir(run.run_id)
        try:
            (folder / "run.json").lstat()
        except FileNotFoundError:
            return self._new_record(run)
        except OSError:
            # the run's folder was made inaccessible or replaced, which reading it reports
            pass
        try:
            record = RunRecord.read(folder)
            if (record.run_id, record.competition_id, record.seed) != (run.run_id, run.competition_id, run.seed):
                raise WorkFailed(
                    f"cannot read {folder / 'run.json'}: it is the record of another run, {printable(record.run_id)}"
                )
            return record
        except WorkFailed as error:
            return self._damaged_record(run, str(error))

    @classmethod
    def create(
        cls,
        runs_dir: Path,
        plan: Plan,
        manifest: dict[str, Any],
        name: str | None = None,
        settings: RunSettings | None = None,
        conditions: Conditions | None = None,
    ) -> Group:
        """Create the group's folder with every run pending.

        Args:
            runs_dir: where the folder is created.
            plan: what will run.
            manifest: the circumstances.
            name: the folder's name; by default the time and the agent.
            settings: how it is run.
            conditions: those of its runs; by default those of a plan that is run now.

        Raises:
            UsageError: a group of that name exists, or the name is not a valid folder name.
        """
        folder = _new_folder(runs_dir, name or _default_name(plan), exact=name is not None)
        group = cls(folder, plan, now(), conditions or Conditions.of(plan), manifest, settings or RunSettings())
        # locked, so that it is not mistaken for one left incomplete
        with hold(folder):
            for run in plan.runs:
                run_dir = group.run_dir(run.run_id)
                run_dir.mkdir()
                group._new_record(run).write(run_dir)
            # last: a folder without it is not a group yet
            group._write()
        return group

    @classmethod
    def open(cls, folder: Path) -> Group:
        """Read the group in `folder`.

        Raises:
            UsageError: it is not a group, or one that this version cannot read.
        """
        path = folder / _FILE
        try:
            is_there = path.is_file()
        except OSError as error:
            raise UsageError(f"{path} cannot be read ({error.strerror}); check its permissions and those of the folder") from None
        if not is_there:
            refuse_published_group(folder)
            raise UsageError(_without_plan(folder) or f"there is no run group in {folder}; `mlebench runs` lists the groups")
        if problem := _without_plan(folder):
            raise UsageError(problem)
        if path.stat().st_size > _LARGEST:
            raise _not_ours(path, f"it is larger than {show_size(_LARGEST)}")
        content = read_yaml(path)
        try:
            manifest = _Content.model_validate(content).manifest
            plan = Plan.from_dict(content["plan"])
            if manifest.imported is None and not plan.has_known_limits:
                raise ValueError("it has neither limits nor the mark of an imported group")
            conditions = Conditions.recorded(content, plan)
            settings = RunSettings(**_settings(content))
            return cls(folder.absolute(), plan, content["created_at"], conditions, content["manifest"], settings)
        except ValidationError as error:
            raise _not_ours(path, f"{error.title}: {describe(error)}") from None
        except KeyError as error:
            raise _not_ours(path, f"it lacks {error}") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise _not_ours(path, str(error)) from None

    def with_settings(self, settings: RunSettings) -> Group:
        """The same group with other settings from now on; the caller holds its lock."""
        group = dataclasses.replace(self, settings=settings)
        if settings != self.settings:
            group._write()
        return group

    def with_circumstances(self, conditions: Conditions, manifest: dict[str, Any]) -> Group:
        """The same group with more known about its circumstances; the caller holds its lock."""
        group = dataclasses.replace(self, conditions=conditions, manifest=manifest)
        group._write()
        return group

    def _write(self) -> None:
        content = {
            "group": self.name,
            "created_at": self.created_at,
            "plan": self.plan.to_dict(),
            "settings": self.settings.model_dump(exclude_defaults=True),
            "conditions": self.conditions.to_dict(),
            "manifest": self.manifest,
        }
        write_yaml(self.folder / _FILE, content)

    def _new_record(self, run: PlannedRun) -> RunRecord:
        return RunRecord(
            run_id=run.run_id,
            group=self.name,
            competition_id=run.competition_id,
            seed=run.seed,
            agent=self.plan.agent.id,
            edition=self.plan.edition,
            created_at=self.created_at,
            plan_sha256=self.plan.sha256,
        )

    def _damaged_record(self, run: PlannedRun, problem: str) -> RunRecord:
        """A substitute for an unreadable record: resuming the group repeats the run and keeps what there is."""
        record = self._new_record(run)
        record.state, record.failure_class, record.reason = "failed", "infrastructure", RECORD_DAMAGED
        again = f"{self.command('run', '--resume', self.name)} repeats the run" if self.imported is None else "import it again"
        record.detail = f"{problem}; {again}"
        record.attempt = 1 + len(entries_of(self.run_dir(run.run_id) / "attempts"))
        return record


def _not_ours(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} was written by another version or changed by hand: {' '.join(why.split())}")


def refuse_published_group(folder: Path) -> None:
    """Refuse a folder of runs of the published harness, and say how they are imported.

    Raises:
        UsageError: it is one.
    """
    if (folder / "metadata.json").is_file():
        raise UsageError(
            f"{folder} is a run group of MLE-bench; {command('import', 'mle-bench-runs', folder)} makes it one of this harness"
        )


def find_group(runs_dir: Path, name: str) -> Group:
    """The group called `name` in `runs_dir`, or the one at a path; `latest` is the newest one.

    Raises:
        UsageError: there is none; similar names are suggested.
    """
    if name == "latest" and (newest := list_groups(runs_dir)):
        return newest[-1]
    for folder in (runs_dir / name, Path(name)):
        if is_group(folder) or _without_plan(folder):
            return Group.open(folder)
    refuse_published_group(Path(name))
    known = [path.parent.name for path in runs_dir.glob(f"*/{_FILE}")]
    if known:
        known.insert(0, "latest")
    raise UsageError(unknown("run group", name, known, where=f"in {runs_dir}", listing=command("runs", runs_dir=runs_dir)))


def list_groups(
    runs_dir: Path, without: Path | None = None, left_out: Callable[[str], object] = lambda problem: None
) -> list[Group]:
    """Every readable group, oldest first.

    Args:
        runs_dir: the folder of groups.
        without: the folder of a group to skip.
        left_out: receives a sentence about each group that cannot be read.
    """
    groups: list[Group] = []
    for folder in sorted(runs_dir.glob("*")):
        if folder == without or not (is_group(folder) or _without_plan(folder)):
            continue
        try:
            groups.append(Group.open(folder))
        except UsageError as error:
            left_out(f"{folder.name} is left out: {error}")
    return sorted(groups, key=lambda group: (group.created_at, group.name))


def is_group(folder: Path) -> bool:
    """Whether `folder` is that of a run group, even if it cannot be read."""
    try:
        (folder / _FILE).lstat()
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True


def take_over(folder: Path) -> bool:
    """Remove the remains of a group whose creation did not complete, so that a new one can have its name.

    Returns:
        whether there was one.

    Raises:
        UsageError: agents have run there, or a harness is creating the group right now.
    """
    if (problem := _without_plan(folder)) is None:
        return False
    with hold(folder):
        if _without_plan(folder) is None or not all(_is_untouched(entry) for entry in folder.iterdir()):
            raise UsageError(problem)
        remove_tree(folder)
    return True


def _without_plan(folder: Path) -> str | None:
    """A remedy for a group's folder without its plan: the harness was killed while creating it, or the plan was removed."""
    path = folder / _FILE
    try:
        is_empty = path.is_file() and not path.stat().st_size
        is_gone = folder.is_dir() and not path.exists() and next(folder.glob("*/run.json"), None) is not None
        if not (is_empty or is_gone):
            return None
    except OSError:
        return None
    making = command("run", "--name", folder.name, runs_dir=folder.absolute().parent)
    return (
        f"{folder} has no plan: its group.yaml is {'empty' if path.is_file() else 'missing'}; {making} "
        "creates the group anew if no agent has run in it; otherwise restore group.yaml or choose another name"
    )


def _is_untouched(entry: Path) -> bool:
    """Whether an entry of a group's folder is as created, before any run."""
    if entry.is_symlink() or not entry.is_dir():
        return entry.name in (_FILE, ".lock") or entry.name.startswith(f".{_FILE}.")
    for path in entry.iterdir():
        if path.name == "run.json" and path.is_file() and path.stat().st_size:
            try:
                record = RunRecord.read(entry)
            except WorkFailed:
                return False
            if (record.state, record.attempt) != ("pending", 0):
                return False
        elif path.name != "run.json" and not path.name.startswith(".run.json."):
            return False
    return True


def _settings(content: dict[str, Any]) -> dict[str, Any]:
    """The settings in `group.yaml`; one written before settings were kept states only its executor."""
    if "settings" in content:
        return dict(content["settings"])
    return {"executor": content["manifest"].get("executor", "local")}


def agent_part(agent_id: str) -> str:
    """The agent's part of its group's name, made safe, as its folder may have any name."""
    return re.sub(r"[^A-Za-z0-9._+=-]+", "-", agent_id)[:_LONGEST_AGENT_PART].strip("-") or "agent"


def _default_name(plan: Plan) -> str:
    return f"{time_in_name()}_{agent_part(plan.agent.id)}"


def _new_folder(runs_dir: Path, name: str, *, exact: bool) -> Path:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+=-]*", name):
        raise UsageError(
            f"{name!r} is not a valid run group name; use letters, digits, dots, dashes and underscores, not starting with a "
            f"dash or dot"
        )
    runs_dir.mkdir(parents=True, exist_ok=True)
    for number in range(1, 1000):
        folder = runs_dir / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
            return folder.absolute()
        except FileExistsError:
            if exact:
                again = command("run", "--resume", name, runs_dir=runs_dir.absolute())
                raise UsageError(f"{folder} exists; continue it with {again}, or choose another `--name`") from None
    raise UsageError(f"{runs_dir} holds a thousand groups called {name}; choose another name with `--name`")
