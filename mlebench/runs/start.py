"""The one door to runs: the command line, the demo, experiment files and Python programs start and resume groups here."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlebench._support import paths
from mlebench._support.hints import command
from mlebench._support.yaml_model import validate
from mlebench.errors import UsageError
from mlebench.runs.competitions import load_competition
from mlebench.runs.executors import get_executor
from mlebench.runs.executors.base import Executor
from mlebench.runs.experiment import Experiment
from mlebench.runs.group import Group, agent_part, find_group, take_over
from mlebench.runs.group_report import GroupResult
from mlebench.runs.manifest import make_manifest
from mlebench.runs.orders import forget_orders
from mlebench.runs.plan import Plan
from mlebench.runs.resume import check_movable, check_unchanged, make_ready
from mlebench.runs.schedule.overview import Display, Silent
from mlebench.runs.schedule.preview import Preview, preview, problems
from mlebench.runs.schedule.scheduler import run_groups
from mlebench.runs.settings import RunSettings
from mlebench.runs.task import SPLIT_KEY_VARIABLE, Secrets
from mlebench.sandbox import get_sandbox
from mlebench.sandbox.base import Sandbox


def run(
    experiment: Experiment | None = None,
    *,
    resume: str | Path | None = None,
    split_key: str | None = None,
    data_dir: Path | str | None = None,
    runs_dir: Path | str | None = None,
    display: Display | None = None,
    **choices: Any,
) -> list[GroupResult]:
    """Let agents work on competitions, grade what they submit, and report; or continue a group that was left.

        mlebench.run(agents="dummy", competitions=["spaceship-titanic"], sandbox="local")
        mlebench.run(resume="latest")

    Args:
        experiment: what to run and how; without it `choices` say so.
        resume: a group to continue, by name or folder; `latest` is the newest one. It is run as its `group.yaml` says:
            finished runs stay, live ones are attached to again, dead ones are done again.
        split_key: the secret key of edition v2; MLEBENCH_SPLIT_KEY by default.
        data_dir: where data lies; see `mlebench.registry`.
        runs_dir: where groups lie; MLEBENCH_RUNS_DIR, or `runs` in the working directory, by default.
        display: shows how the runs get on; nothing by default.
        choices: parts of the experiment, see `Experiment`: `agents` (a name, or several, with arguments or a profile of their
            own), `competitions` or `split`, `seeds`, `profile`, `network`, `budget`, `allow`, `models`, `edition`, `sandbox`,
            `name`, and the `RunSettings`: `executor`, `parallel`, `retries`, …. With `resume` only the latter, which the group
            keeps from then on.

    Returns:
        each agent's group with the records of its runs; its folder holds `grading_report.json`.

    Raises:
        UsageError: something is wrong or missing, and nothing was started.
        GroupStopped: runs failed one after the other at once; the rest is still pending.
        Interrupted: the harness was asked to leave.
    """
    start = _start(experiment, choices, resume, split_key, data_dir, runs_dir)
    display = display or Silent()
    try:
        start.refuse_problems()
        groups, prepare = start.groups(display)
        display.begin(groups)
    except BaseException:
        start.executor.close()
        raise
    return run_groups(groups, start.executor, start.settings, display, secrets=start.secrets, prepare=prepare)


def preview_run(
    experiment: Experiment | None = None,
    *,
    resume: str | Path | None = None,
    split_key: str | None = None,
    data_dir: Path | str | None = None,
    runs_dir: Path | str | None = None,
    **choices: Any,
) -> list[Preview]:
    """What `run` would do with the same arguments, plan by plan; nothing is started.

    Raises:
        UsageError: the plans cannot be made. What they lack is in the previews.
    """
    start = _start(experiment, choices, resume, split_key, data_dir, runs_dir)
    try:
        return [preview(plan, start.executor, sandbox, start.runs_dir, start.secrets) for plan, sandbox in start.places()]
    finally:
        start.executor.close()


def _start(
    experiment: Experiment | None,
    choices: dict[str, Any],
    resume: str | Path | None,
    split_key: str | None,
    data_dir: Path | str | None,
    runs_dir: Path | str | None,
) -> _Start:
    # data may have been prepared anew since it was last read in this process
    load_competition.cache_clear()
    folder = paths.runs_dir(runs_dir)
    if resume is not None:
        return _resumed(find_group(folder, str(resume)), _of_settings(choices, experiment, data_dir), split_key, folder)
    experiment = experiment.changed(choices) if experiment else validate(choices, Experiment, "the experiment")
    key = _split_key(experiment.edition, split_key)
    plans = experiment.plans(Path(data_dir) if data_dir else None, key)
    settings = experiment.settings
    return _Start(plans, settings, get_executor(settings), Secrets.of(plans, key), folder, experiment.name)


def _resumed(group: Group, choices: dict[str, Any], split_key: str | None, runs_dir: Path) -> _Start:
    group.refuse_imported("resumed")
    settings = group.settings.changed(choices)
    key = _split_key(group.plan.edition, split_key)
    check_unchanged(group, key)
    check_movable(group, settings)
    plans = [group.plan]
    return _Start(plans, settings, get_executor(settings), Secrets.of(plans, key), runs_dir, resumed=group)


def _of_settings(choices: dict[str, Any], experiment: Experiment | None, data_dir: Path | str | None) -> dict[str, Any]:
    frozen = [name for name in choices if name in Experiment.model_fields and name not in RunSettings.model_fields]
    frozen += ["experiment"] if experiment else []
    frozen += ["data_dir"] if data_dir else []
    if frozen:
        raise UsageError(f"`{frozen[0]}` is part of the frozen plan; resume the group without it, or start a new group")
    return choices


def _split_key(edition: str, given: str | None) -> str | None:
    return (given or os.environ.get(SPLIT_KEY_VARIABLE) or None) if edition == "v2" else None


@dataclass(frozen=True)
class _Start:
    """Plans that are about to run, and all they run with."""

    plans: list[Plan]
    settings: RunSettings
    executor: Executor
    secrets: Secrets
    runs_dir: Path
    name: str | None = None
    resumed: Group | None = None

    def places(self) -> list[tuple[Plan, Sandbox]]:
        """Each plan with its sandbox."""
        return [(plan, get_sandbox(plan.sandbox)) for plan in self.plans]

    def refuse_problems(self) -> None:
        """Start nothing that cannot work: raises the first problem, and how many more there are."""
        found = [problem for place in self.places() for problem in problems(place[0], self.executor, place[1], self.secrets)]
        found = list(dict.fromkeys(found))
        if found:
            more = f" (and {len(found) - 1} more problems; `--dry-run` shows all)" if len(found) > 1 else ""
            raise UsageError(found[0] + more)

    def groups(self, display: Display) -> tuple[list[Group], Callable[[], None]]:
        """The groups to run, and what is left to do once their locks are held."""
        before = self.resumed
        if before is None:
            return self._new_groups(display), lambda: None
        group = replace(before, settings=self.settings)
        for sentence in _rebuilt_images(group, self.executor):
            display.say(sentence)

        def prepare() -> None:
            if forget_orders(group):
                display.say(f"{group.name} was paused; its runs start again")
            before.with_settings(self.settings)
            make_ready(group, self.secrets)

        return [group], prepare

    def _new_groups(self, display: Display) -> list[Group]:
        """The folders of new groups, every run pending; none is made where one of that name exists.

        What a killed harness left half-made is no group yet, and makes room.
        """
        names = _group_names(self.plans, self.name)
        for name in names:
            if not name or not (self.runs_dir / name).exists():
                continue
            if take_over(self.runs_dir / name):
                display.say(f"{self.runs_dir / name} was left half-made, and nothing had run in it; it is made anew")
            else:
                again = command("run", "--resume", name, runs_dir=self.runs_dir)
                raise UsageError(f"{self.runs_dir / name} exists; continue it with {again}")
        return [
            Group.create(self.runs_dir, plan, make_manifest(plan, sandbox, self.executor), name, self.settings)
            for (plan, sandbox), name in zip(self.places(), names, strict=True)
        ]


def _group_names(plans: list[Plan], name: str | None) -> list[str | None]:
    """With several plans the agent's name is added, and a number where one agent has several plans."""
    if name is None or len(plans) == 1:
        return [name for _ in plans]
    names: list[str | None] = []
    for plan in plans:
        own = f"{name}_{agent_part(plan.agent.id)}"
        count = sum(1 for earlier in names if earlier == own or str(earlier).startswith(f"{own}-"))
        names.append(f"{own}-{count + 1}" if count else own)
    return names


def _rebuilt_images(group: Group, executor: Executor) -> list[str]:
    """Images that are others now than when the group was made; each `run.json` names the one that its run used."""
    before = group.manifest.get("engine", {}).get("images") or {}
    if not before:
        return []
    now = executor.describe(group.plan, get_sandbox(group.plan.sandbox))["images"]
    return [
        f"the image of {agent} was rebuilt since the group was made ({image['digest'][:19]} → {now[agent]['digest'][:19]})"
        for agent, image in before.items()
        if agent in now and now[agent]["digest"] != image["digest"]
    ]
