"""The interface of executors: submit a run with its resources, get its outcome."""

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
    """A run that an executor is done with."""

    key: str
    record: RunRecord | None
    """Its record, pending when it was taken back before it started; None when the place where it happened broke away."""
    problem: str | None = None
    """What broke, as a sentence."""
    notice: str | None = None
    """What people should know beside it, a sentence."""


class Executor(ABC):
    """Does runs somewhere. One thread talks to it, except for `stop`, `stop_all` and `detach_all`.

    What differs between places is answered here, so that nobody has to ask which executor it is. The answers below hold
    for runs that start on other machines than this one.
    """

    name: str
    parallel: int | None = None
    """Most runs at once; None: as many as the resources allow."""
    images_from: Path | None = None
    """Folder of archives that the machines of runs have their images from; None where each has its own."""

    def problems(self, plan: Plan, sandbox: Sandbox, secrets: Secrets) -> list[str]:
        """What keeps the plan's runs from starting where this executor starts them, a sentence each with what helps.

        A shortage of CPUs, memory or GPUs is not among them, see `shortage`.
        """
        return []

    def unbuilt(self, plan: Plan, sandbox: Sandbox) -> list[str]:
        """Ids of agents whose image is missing here and will be built when a group starts."""
        return [] if self.images_from is None else sandbox.unbuilt([plan.agent])

    def describe(self, plan: Plan, sandbox: Sandbox) -> dict[str, Any]:
        """What a group's manifest records of the engine; images that runs need on this machine are built, those that are shipped
        are written."""
        shipped = {} if self.images_from is None else sandbox.ship([plan.agent], self.images_from)
        return {"engine": None, "version": None, "images": shipped}

    def may_hold(self, group: Group) -> list[PlannedRun]:
        """Runs of a group that an earlier harness may have left here: running, or queued."""
        return [run for run in group.plan.runs if group.record(run).state == "running"]

    @abstractmethod
    def shortage(self, need: Need) -> str | None:
        """Why a run with this need could never start, with what to set where that is known; or None."""

    @abstractmethod
    def slots(self, need: Need) -> int:
        """How many runs with this need can run at once; for previews."""

    @abstractmethod
    def submit(self, task: RunTask) -> bool:
        """Book and start; False when there is no room now.

        A run whose record says running is continued where it was.
        """

    @abstractmethod
    def wait(self, seconds: float) -> list[Ended]:
        """Runs that ended; waits at most so long for the first."""

    def set_parallel(self, parallel: int) -> None:
        """Start a run only while fewer than so many are running; those that run already go on, however many they are."""
        self.parallel = parallel

    def hold(self, group: Group) -> None:
        """Let no run of a group start that was submitted and waits here, as far as the place can be told so."""
        return

    def release(self, group: Group) -> None:
        """End a `hold`."""
        return

    def lacking(self, need: Need) -> str:
        """What a run with this need waits for now, in words, such as `waits for 2 free GPUs`; empty where nothing is known."""
        return "" if self.parallel is None else f"waits its turn, at most {counted(self.parallel, 'run')} at once"

    def queued(self) -> dict[str, str]:
        """What runs wait for that were submitted and have not begun, in words, by key; as far as it is known without asking."""
        return {}

    def news(self) -> list[str]:
        """What people should know of the place as a whole, a sentence each; every one is handed out once."""
        return []

    @abstractmethod
    def stop(self, key: str, grace: float) -> None:
        """Stop a run; it ends as cancelled."""

    @abstractmethod
    def stop_all(self, grace: float) -> None:
        """Stop every run."""

    @abstractmethod
    def detach_all(self) -> None:
        """Leave every agent running; their runs end here with state running."""

    @abstractmethod
    def close(self) -> None:
        """Give back what the executor holds; call it when no run is under way."""


def no_room(executor: Executor, profile: Profile) -> str | None:
    """Why no run of a profile could ever start, as a sentence with what helps; None where runs can."""
    shortage = executor.shortage(Need.of(profile))
    if shortage is None:
        return None
    fitting = [other.name for other in list_profiles() if executor.shortage(Need.of(other)) is None]
    choice = f"choose {' or '.join(f'`--profile {name}`' for name in fitting)}" if fitting else "change it with `--profile-set`"
    return f"no run of profile {profile.name} can start: {shortage}; {choice}"
