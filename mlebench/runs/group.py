"""A run group: a folder with its frozen plan, `group.yaml`, and the records of its runs."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlebench._support.files import write_yaml
from mlebench._support.yaml_model import read_yaml
from mlebench.errors import UsageError
from mlebench.runs.plan import Plan, PlannedRun
from mlebench.runs.record import RunRecord, now


@dataclass(frozen=True)
class Group:
    """A run group: a folder with its frozen plan."""

    folder: Path
    plan: Plan
    created_at: str
    manifest: dict[str, Any]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def run_dir(self, run_id: str) -> Path:
        """Folder of one run."""
        return self.folder / run_id

    def records(self) -> list[RunRecord]:
        """The records of all runs, in the plan's order."""
        return [self.record(run) for run in self.plan.runs]

    def record(self, run: PlannedRun) -> RunRecord:
        """The record of one run; pending where there is none yet."""
        folder = self.run_dir(run.run_id)
        return RunRecord.read(folder) if (folder / "run.json").exists() else self._new_record(run)

    @classmethod
    def create(cls, runs_dir: Path, plan: Plan, manifest: dict[str, Any], name: str | None = None) -> Group:
        """Make the group's folder with every run pending.

        Raises:
            UsageError: a group of that name exists, or the name is no folder name.
        """
        folder = _new_folder(runs_dir, name or _default_name(plan), exact=name is not None)
        group = cls(folder, plan, now(), manifest)
        for run in plan.runs:
            run_dir = group.run_dir(run.run_id)
            run_dir.mkdir()
            group._new_record(run).write(run_dir)
        # last: a folder without it is no group yet
        content = {"group": group.name, "created_at": group.created_at, "plan": plan.to_dict(), "manifest": manifest}
        write_yaml(folder / "group.yaml", content)
        return group

    @classmethod
    def open(cls, folder: Path) -> Group:
        """Read the group in `folder`.

        Raises:
            UsageError: it holds no group, or one that this version cannot read.
        """
        path = folder / "group.yaml"
        if not path.is_file():
            raise UsageError(f"there is no run group in {folder}; `mlebench runs` lists the groups")
        content = read_yaml(path)
        try:
            return cls(folder.absolute(), Plan.from_dict(content["plan"]), content["created_at"], content["manifest"])
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"{path} was written by another version or changed by hand: {error!r}") from None

    def _new_record(self, run: PlannedRun) -> RunRecord:
        return RunRecord(
            run_id=run.run_id,
            group=self.name,
            competition_id=run.competition_id,
            seed=run.seed,
            agent=self.plan.agent.id,
            edition=self.plan.edition,
            created_at=self.created_at,
        )


def find_group(runs_dir: Path, name: str) -> Group:
    """The group called `name` in `runs_dir`, or the one in a folder given by path; `latest` is the newest one.

    Raises:
        UsageError: there is none; near names are told.
    """
    if name == "latest" and (newest := list_groups(runs_dir)):
        return newest[-1]
    for folder in (runs_dir / name, Path(name)):
        if (folder / "group.yaml").is_file():
            return Group.open(folder)
    known = [path.parent.name for path in runs_dir.glob("*/group.yaml")]
    if known:
        known.insert(0, "latest")
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or [entry for entry in known if name in entry][:3]
    hint = f", did you mean {' or '.join(near)}?" if near else ";"
    raise UsageError(f"there is no run group `{name}` in {runs_dir}{hint} `mlebench runs` lists the groups")


def list_groups(runs_dir: Path) -> list[Group]:
    """Every readable group, oldest first."""
    groups = []
    for path in sorted(runs_dir.glob("*/group.yaml")):
        try:
            groups.append(Group.open(path.parent))
        except UsageError:
            continue
    return sorted(groups, key=lambda group: (group.created_at, group.name))


def _default_name(plan: Plan) -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}_{plan.agent.id.replace('/', '-')}"


def _new_folder(runs_dir: Path, name: str, *, exact: bool) -> Path:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+=-]*", name):
        raise UsageError(f"`{name}` cannot name a run group; use letters, digits, dots, dashes and underscores")
    runs_dir.mkdir(parents=True, exist_ok=True)
    for number in range(1, 1000):
        folder = runs_dir / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
            return folder.absolute()
        except FileExistsError:
            if exact:
                raise UsageError(f"{folder} exists; go on with it by `mlebench run --resume {name}`") from None
    raise UsageError(f"{runs_dir} holds a thousand groups called {name}; choose another name with `--name`")
