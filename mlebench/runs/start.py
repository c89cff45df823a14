"""The single entry point for runs: the command line, the demo, experiment files and Python programs start and resume here."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

from grading.wording import counted
from mlebench._support import paths
from mlebench._support.hints import command
from mlebench._support.yaml_model import validate
from mlebench.errors import UsageError
from mlebench.runs.choices import Choices
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
    **choices: Unpack[Choices],
) -> list[GroupResult]:
    """Run agents on competitions, grade what they submit, and write a grading report; or continue a group.

    The call returns when every run has ended. It may run in any thread, also of a program with a running event loop. Ctrl-C
    leaves the group as it is; `resume` continues it.

    Args:
        experiment: What to run and how; without it, `choices` say so. With it, they replace parts of it.
        resume: A group to continue, by name or folder, or `latest`. Finished runs stay, live ones are taken over, and dead ones
            run again. Of `choices` it takes those that no result depends on, from `executor` on; the group keeps them.
        split_key: Secret key for edition v2; by default `MLEBENCH_SPLIT_KEY`.
        data_dir: The data directory; by default `MLEBENCH_DATA_DIR`, else a folder in the user's cache.
        runs_dir: The folder of run groups; by default `MLEBENCH_RUNS_DIR`, else `runs` in the working directory.
        display: Shows progress; by default nothing is shown.
        choices: Parts of the experiment: `agents`, `competitions`, `split`, `seeds`, `profile`, `network`, `budget`, `allow`,
            `models`, `edition`, `obfuscated`, `sandbox`, `name`; `executor`, `address`, `executor_settings`, `images_from`,
            `node_data`, `parallel`, `retries`, `retry_delay`, `fail_fast`, `keep`. `Choices` describes each.

    Returns:
        One `GroupResult` per agent: its group with the records of its runs, `to_frame()`, and `report`, the path of its
        `grading_report.json`.

    Raises:
        UsageError: Something is wrong or missing; nothing was started.
        GroupStopped: Runs failed one after the other right away; the rest is still pending.
        Interrupted: The harness was asked to leave, by Ctrl-C or SIGTERM.

    Example:
        >>> [group] = mlebench.run(agents="dummy", competitions=["demo-wine"], sandbox="plain")
        >>> [(run.state, run.graded.valid_submission) for run in group.runs]
        [('finished', True)]
    """
    start = _start(experiment, dict(choices), resume, split_key, data_dir, runs_dir)
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
    **choices: Unpack[Choices],
) -> list[Preview]:
    """Show what `run` would do with the same arguments, and start nothing.

    Args:
        experiment: As for `run`, like the others.
        resume: A group to continue.
        split_key: Secret key for edition v2.
        data_dir: The data directory.
        runs_dir: The folder of run groups.
        choices: Parts of the experiment.

    Returns:
        One `Preview` per agent: `plan`, `slots` (runs at once), `seconds` (expected) and `longest` (by the time limits) until
        the last run ends, `gpu_hours`, `disk` (bytes), `most_usd`, and `problems`, what is missing, each with the command
        that fixes it.

    Raises:
        UsageError: A plan cannot be made: an unknown name or a wrong value.

    Example:
        >>> [preview] = mlebench.preview_run(agents="dummy", competitions=["demo-wine"], seeds=3, sandbox="plain")
        >>> len(preview.plan.runs), preview.problems
        (3, ())
    """
    start = _start(experiment, dict(choices), resume, split_key, data_dir, runs_dir)
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
    # data may have been prepared again since this process last read it
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
    """Plans about to run, with everything they need."""

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
        """Start nothing that cannot work: raises the first problem, with the number of others."""
        found = [problem for place in self.places() for problem in problems(place[0], self.executor, place[1], self.secrets)]
        found = list(dict.fromkeys(found))
        if found:
            more = f" (and {counted(len(found) - 1, 'more problem')}; `--dry-run` shows all)" if len(found) > 1 else ""
            raise UsageError(found[0] + more)

    def groups(self, display: Display) -> tuple[list[Group], Callable[[], None]]:
        """The groups to run, and a function to call once their locks are held."""
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
        """The folders of new groups, every run pending; none is created if one of that name exists.

        An incomplete folder left by a killed harness is not a group yet, and is replaced.
        """
        names = _group_names(self.plans, self.name)
        for name in names:
            if not name or not (self.runs_dir / name).exists():
                continue
            if take_over(self.runs_dir / name):
                display.say(f"{self.runs_dir / name} was left incomplete, and nothing had run in it; it is created anew")
            else:
                again = command("run", "--resume", name, runs_dir=self.runs_dir)
                raise UsageError(f"{self.runs_dir / name} exists; continue it with {again}, or choose another `--name`")
        return [
            Group.create(self.runs_dir, plan, make_manifest(plan, sandbox, self.executor), name, self.settings)
            for (plan, sandbox), name in zip(self.places(), names, strict=True)
        ]


def _group_names(plans: list[Plan], name: str | None) -> list[str | None]:
    """With several plans, the agent's name is added, and a number if an agent has several plans."""
    if name is None or len(plans) == 1:
        return [name for _ in plans]
    names: list[str | None] = []
    for plan in plans:
        own = f"{name}_{agent_part(plan.agent.id)}"
        count = sum(1 for earlier in names if earlier == own or str(earlier).startswith(f"{own}-"))
        names.append(f"{own}-{count + 1}" if count else own)
    return names


def _rebuilt_images(group: Group, executor: Executor) -> list[str]:
    """Images that have changed since the group was created; each `run.json` records the one that its run used."""
    before = group.manifest.get("engine", {}).get("images") or {}
    if not before:
        return []
    now = executor.describe(group.plan, get_sandbox(group.plan.sandbox))["images"]
    return [
        f"the image of {agent} was rebuilt since the group was created ({image['digest'][:19]} → {now[agent]['digest'][:19]})"
        for agent, image in before.items()
        if agent in now and now[agent]["digest"] != image["digest"]
    ]
