"""The executor interface: submit a run with its resources, get its outcome."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, NamedTuple

from grading.wording import counted
from mlebench.profiles import Profile, list_profiles
from mlebench.runs.executors.booking import Need
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan, PlannedRun
from mlebench.runs.record import RunRecord
from mlebench.runs.task import RunTask, Secrets
from mlebench.sandbox.base import Sandbox


class Ended(NamedTuple):
    """A run that an executor has finished with."""

    key: str
    record: RunRecord | None
    """Its record, pending if it was withdrawn before it started; None if its node was lost."""
    problem: str | None = None
    """What failed, as a sentence."""
    notice: str | None = None
    """A notice for people, as a sentence."""


class Executor(ABC):
    """Executes runs somewhere. Used from one thread only, except for `stop`, `stop_all` and `detach_all`.

    Differences between executors are hidden here, so that callers need not know which one they use. The defaults below apply to
    runs that start on other machines.
    """

    name: str
    parallel: int | None = None
    """Most runs at once; None: as many as the resources allow."""
    images_from: Path | None = None
    """Folder of archives from which the nodes load their images; None if each node has its own."""

    def problems(self, plan: Plan, sandbox: Sandbox, secrets: Secrets) -> list[str]:
        """What prevents the plan's runs from starting where this executor starts them, one sentence each with a remedy.

        A shortage of CPUs, memory or GPUs is not included; see `shortage`.
        """
        return []

    def unbuilt(self, plan: Plan, sandbox: Sandbox) -> list[str]:
        """Ids of agents whose image is missing here and is built when a group starts."""
        return [] if self.images_from is None else sandbox.unbuilt([plan.agent])

    def describe(self, plan: Plan, sandbox: Sandbox) -> dict[str, Any]:
        """What a group's manifest records about the engine; builds the images that runs need on this machine and writes shipped
        ones."""
        shipped = {} if self.images_from is None else sandbox.ship([plan.agent], self.images_from)
        return {"engine": None, "version": None, "images": shipped}

    def may_hold(self, group: Group) -> list[PlannedRun]:
        """Runs of a group that an earlier harness may have left here, running or queued."""
        return [run for run in group.plan.runs if group.record(run).state == "running"]

    @abstractmethod
    def shortage(self, need: Need) -> str | None:
        """Why a run with this need could never start, with the setting to change if known; or None."""

    @abstractmethod
    def slots(self, need: Need) -> int:
        """How many runs with this need can run at once; for previews."""

    @abstractmethod
    def submit(self, task: RunTask) -> bool:
        """Book and start a run; False if there is no room now.

        A run whose record says running is continued where it is.
        """

    @abstractmethod
    def wait(self, seconds: float) -> list[Ended]:
        """Runs that ended; waits at most `seconds` for the first."""

    def set_parallel(self, parallel: int) -> None:
        """Start a run only while fewer than this many are running; runs already running continue, however many they are."""
        self.parallel = parallel

    def hold(self, group: Group) -> None:
        """Start none of a group's submitted runs that wait here, as far as the executor can control that."""
        return

    def release(self, group: Group) -> None:
        """End a `hold`."""
        return

    def lacking(self, need: Need) -> str:
        """What a run with this need waits for now, in words, such as `waits for 2 free GPUs`; empty if unknown."""
        return "" if self.parallel is None else f"waits its turn, at most {counted(self.parallel, 'run')} at once"

    def queued(self) -> dict[str, str]:
        """What submitted runs that have not begun wait for, in words, by key; only what is known without a query."""
        return {}

    def news(self) -> list[str]:
        """Notices about the executor as a whole, one sentence each; each is returned once."""
        return []

    @abstractmethod
    def stop(self, key: str, grace: float) -> None:
        """Stop a run; it ends as cancelled."""

    @abstractmethod
    def stop_all(self, grace: float) -> None:
        """Stop every run."""

    @abstractmethod
    def detach_all(self) -> None:
        """Leave every agent running; the runs end here in state running."""

    @abstractmethod
    def close(self) -> None:
        """Release what the executor holds; call it when no run is in progress."""


def no_room(executor: Executor, profile: Profile) -> str | None:
    """Why no run of a profile could ever start, as a sentence with a remedy; None if runs can start."""
    shortage = executor.shortage(Need.of(profile))
    if shortage is None:
        return None
    fitting = [other.name for other in list_profiles() if executor.shortage(Need.of(other)) is None]
    choice = f"choose {' or '.join(f'`--profile {name}`' for name in fitting)}" if fitting else "change it with `--profile-set`"
    return f"no run of profile {profile.name} can start: {shortage}; {choice}"
