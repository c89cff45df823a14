"""A run group: a folder with `group.yaml` (the frozen plan, and how the group is run) and the records of its runs."""

from __future__ import annotations

import dataclasses
import difflib
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
from mlebench._support.hints import alternatives, command
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
    """What is read of a manifest again; it holds more, for people."""

    engine: _Engine | None = _Engine()
    harness: _Harness = _Harness()
    executor: str = "local"
    agent_files: dict[str, str] = {}
    imported: Imported | None = None


class _Content(BaseModel):
    """The kinds of what stands in `group.yaml`, so that no reader has to ask again."""

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
    """What makes its runs comparable with others, as it was when the group was made."""
    manifest: dict[str, Any]
    settings: RunSettings = field(default_factory=RunSettings)
    """How it is run; may change when it is resumed."""

    @functools.cached_property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def command(self, *words: str) -> str:
        """A command in backticks that finds this group wherever it lies; see `hints.command`."""
        return command(*words, runs_dir=self.folder.absolute().parent)

    @functools.cached_property
    def imported(self) -> Imported | None:
        """Where the runs come from that another harness made; None of this harness's own."""
        content = self.manifest.get("imported")
        return None if content is None else Imported.model_validate(content)

    def refuse_imported(self, what: str) -> None:
        """Refuse to carry out runs of another harness.

        Args:
            what: is asked of the group, such as `resumed`.

        Raises:
            UsageError: it was imported.
        """
        if self.imported is not None:
            raise UsageError(
                f"{self.name} was imported from {self.imported.words} and cannot be {what}, as its runs are another harness's; "
                "`mlebench run` starts runs of your own"
            )

    def run_dir(self, run_id: str) -> Path:
        """Folder of one run."""
        return self.folder / run_id

    def records(self) -> list[RunRecord]:
        """The records of all runs, in the plan's order."""
        return [self.record(run) for run in self.plan.runs]

    def record(self, run: PlannedRun) -> RunRecord:
        """The record of one run; pending where there is none yet, failed by the infrastructure where it is damaged."""
        folder = self.run_dir(run.run_id)
        try:
            (folder / "run.json").lstat()
        except FileNotFoundError:
            return self._new_record(run)
        except OSError:
            # somebody closed or replaced the run's folder, which reading it says
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
        """Make the group's folder with every run pending.

        Args:
            runs_dir: where the folder is made.
            plan: what will run.
            manifest: the circumstances.
            name: of the folder; by default the time and the agent.
            settings: how it is run.
            conditions: of its runs; by default those of a plan that is carried out now.

        Raises:
            UsageError: a group of that name exists, or the name is no folder name.
        """
        folder = _new_folder(runs_dir, name or _default_name(plan), exact=name is not None)
        group = cls(folder, plan, now(), conditions or Conditions.of(plan), manifest, settings or RunSettings())
        # held, so that nobody takes it for one that was left half-made
        with hold(folder):
            for run in plan.runs:
                run_dir = group.run_dir(run.run_id)
                run_dir.mkdir()
                group._new_record(run).write(run_dir)
            # last: a folder without it is no group yet
            group._write()
        return group

    @classmethod
    def open(cls, folder: Path) -> Group:
        """Read the group in `folder`.

        Raises:
            UsageError: it holds no group, or one that this version cannot read.
        """
        path = folder / _FILE
        try:
            is_there = path.is_file()
        except OSError as error:
            raise UsageError(f"{path} cannot be read ({error.strerror}); see its mode and that of the folder") from None
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
                raise ValueError("it does not say under which limits it ran, nor that it was imported")
            conditions = Conditions.recorded(content, plan)
            settings = RunSettings(**_settings(content))
            return cls(folder.absolute(), plan, content["created_at"], conditions, content["manifest"], settings)
        except ValidationError as error:
            raise _not_ours(path, f"{error.title}: {describe(error)}") from None
        except KeyError as error:
            raise _not_ours(path, f"it has no {error}") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise _not_ours(path, str(error)) from None

    def with_settings(self, settings: RunSettings) -> Group:
        """The same group, from now on run in another way; hold its lock."""
        group = dataclasses.replace(self, settings=settings)
        if settings != self.settings:
            group._write()
        return group

    def with_circumstances(self, conditions: Conditions, manifest: dict[str, Any]) -> Group:
        """The same group with more known of its circumstances; hold its lock."""
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
        """Stands for a record that cannot be read: resuming the group does the run again and keeps what there is."""
        record = self._new_record(run)
        record.state, record.failure_class, record.reason = "failed", "infrastructure", RECORD_DAMAGED
        again = f"{self.command('run', '--resume', self.name)} does the run again" if self.imported is None else "import it again"
        record.detail = f"{problem}; {again}"
        record.attempt = 1 + len(entries_of(self.run_dir(run.run_id) / "attempts"))
        return record


def _not_ours(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} was written by another version or changed by hand: {' '.join(why.split())}")


def refuse_published_group(folder: Path) -> None:
    """Refuse a folder of runs of the published harness, and say how they are graded.

    Raises:
        UsageError: it is one.
    """
    if (folder / "metadata.json").is_file():
        raise UsageError(
            f"{folder} is a run group of the published harness; list its submissions in a JSON-lines file "
            '(`{"competition_id": …, "submission_path": …}`) and grade that with `mlebench grade FILE.jsonl`'
        )


def find_group(runs_dir: Path, name: str) -> Group:
    """The group called `name` in `runs_dir`, or the one in a folder given by path; `latest` is the newest one.

    Raises:
        UsageError: there is none; near names are listed.
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
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or [entry for entry in known if name in entry][:3]
    hint = f", did you mean {alternatives(near)}?" if near else ";"
    raise UsageError(f"there is no run group `{name}` in {runs_dir}{hint} {command('runs', runs_dir=runs_dir)} lists the groups")


def list_groups(
    runs_dir: Path, without: Path | None = None, left_out: Callable[[str], object] = lambda problem: None
) -> list[Group]:
    """Every readable group, oldest first.

    Args:
        runs_dir: their folder.
        without: the folder of one that is not wanted.
        left_out: receives a sentence for each group that cannot be read.
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
    """Whether `folder` is that of a run group; also where it is closed to those who look."""
    try:
        (folder / _FILE).lstat()
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True


def take_over(folder: Path) -> bool:
    """Remove what is left of a group that was not made to its end, so that a new one can have its name.

    Returns:
        whether there was one.

    Raises:
        UsageError: agents have worked there, or a harness is making the group at this moment.
    """
    if (problem := _without_plan(folder)) is None:
        return False
    with hold(folder):
        if _without_plan(folder) is None or not all(_is_untouched(entry) for entry in folder.iterdir()):
            raise UsageError(problem)
        remove_tree(folder)
    return True


def _without_plan(folder: Path) -> str | None:
    """What helps with a group's folder that lacks its plan: the harness was killed while making it, or somebody removed it."""
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
        f"{folder} has no plan, its group.yaml is {'empty' if path.is_file() else 'gone'}; {making} "
        "makes the group anew where no agent has worked in it, else put group.yaml back or choose another name"
    )


def _is_untouched(entry: Path) -> bool:
    """Whether an entry of a group's folder is as it was made, before any run."""
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
    """What `group.yaml` says of how the group is run; one written before settings were kept names its executor alone."""
    if "settings" in content:
        return dict(content["settings"])
    return {"executor": content["manifest"].get("executor", "local")}


def agent_part(agent_id: str) -> str:
    """What an agent adds to the name of its group: its folder may be called anything."""
    return re.sub(r"[^A-Za-z0-9._+=-]+", "-", agent_id)[:_LONGEST_AGENT_PART].strip("-") or "agent"


def _default_name(plan: Plan) -> str:
    return f"{time_in_name()}_{agent_part(plan.agent.id)}"


def _new_folder(runs_dir: Path, name: str, *, exact: bool) -> Path:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+=-]*", name):
        raise UsageError(
            f"{name!r} cannot name a run group; give `--name` letters, digits, dots, dashes and underscores, no dash or dot first"
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
                raise UsageError(f"{folder} exists; continue it with {again}") from None
    raise UsageError(f"{runs_dir} holds a thousand groups called {name}; choose another name with `--name`")
