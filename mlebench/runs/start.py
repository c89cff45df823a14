"""From plans to running groups: what `mlebench run` and `mlebench demo` share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mlebench._support.secrets import find_secrets
from mlebench.errors import UsageError
from mlebench.runs.executors import get_executor
from mlebench.runs.executors.base import Executor, ExecutorOptions
from mlebench.runs.group import Group
from mlebench.runs.manifest import make_manifest
from mlebench.runs.plan import Plan
from mlebench.runs.resume import check_unchanged, make_ready
from mlebench.runs.schedule.overview import Display, Progress
from mlebench.runs.schedule.preview import problems
from mlebench.runs.schedule.scheduler import RunOptions, run_groups
from mlebench.sandbox.choose import get_sandbox


def run_plans(
    plans: list[Plan],
    runs_dir: Path,
    *,
    name: str | None = None,
    executor: Executor | None = None,
    options: RunOptions | None = None,
    display: Display | None = None,
) -> tuple[list[Group], Progress]:
    """Make a run group of each plan and run them to their end.

    Args:
        plans: one per agent variant.
        runs_dir: folder of run groups.
        name: of the group; with several plans the agent's name is added.
        executor: this machine by default.
        options: see `RunOptions`; secrets are looked up unless they are given.
        display: shows progress; nothing by default.

    Returns:
        the groups (each folder holds `grading_report.json`), and what became of their runs.

    Raises:
        UsageError: something that the plans need is missing: nothing was started.
        GroupStopped, Interrupted: see `run_groups`.
    """
    executor = executor or get_executor("local", ExecutorOptions())
    options = options or RunOptions()
    refuse_problems(plans, executor, options.split_key)
    groups = create_groups(plans, runs_dir, name, executor.name)
    return groups, run_groups(groups, executor, with_secrets(options, groups), display)


def refuse_problems(plans: list[Plan], executor: Executor, split_key: str | None = None) -> None:
    """Start nothing that cannot work.

    Raises:
        UsageError: the first problem, and how many more there are.
    """
    found = [problem for plan in plans for problem in problems(plan, executor, get_sandbox(plan.sandbox), split_key)]
    found = list(dict.fromkeys(found))
    if found:
        more = f" (and {len(found) - 1} more problems; `--dry-run` shows all)" if len(found) > 1 else ""
        raise UsageError(found[0] + more)


def create_groups(plans: list[Plan], runs_dir: Path, name: str | None, executor_name: str) -> list[Group]:
    """The folders of new groups, every run pending.

    Raises:
        UsageError: a group of that name exists; then none is made.
    """
    names = _group_names(plans, name)
    for own_name in names:
        if own_name and (runs_dir / own_name).exists():
            raise UsageError(f"{runs_dir / own_name} exists; go on with it by `mlebench run --resume {own_name}`")
    groups = []
    for plan, own_name in zip(plans, names, strict=True):
        manifest = make_manifest(plan.agent, plan.profile, get_sandbox(plan.sandbox), executor_name)
        groups.append(Group.create(runs_dir, plan, manifest, own_name))
    return groups


def _group_names(plans: list[Plan], name: str | None) -> list[str | None]:
    """With several plans the agent's name is added, and a number where one agent has several plans."""
    if name is None or len(plans) == 1:
        return [name for _ in plans]
    names: list[str | None] = []
    for plan in plans:
        own = f"{name}_{plan.agent.id.replace('/', '-')}"
        count = sum(1 for earlier in names if earlier == own or str(earlier).startswith(f"{own}-"))
        names.append(f"{own}-{count + 1}" if count else own)
    return names


def resume_group(group: Group, executor: Executor, options: RunOptions, display: Display | None = None) -> Progress:
    """Go on with a group: finished runs stay, live ones are re-attached, dead ones are run again.

    Raises:
        UsageError: its plan has changed since, or another harness is at work on it.
    """
    check_unchanged(group, options.split_key)
    refuse_problems([group.plan], executor, options.split_key)
    if display is not None:
        for sentence in rebuilt_images(group):
            display.say(sentence)
    return run_groups(
        [group], executor, with_secrets(options, [group]), display, prepare=lambda: make_ready(group, options.split_key)
    )


def rebuilt_images(group: Group) -> list[str]:
    """Images that are others now than when the group was made; each `run.json` names the one that its run used."""
    before = group.manifest.get("engine", {}).get("images") or {}
    if not before:
        return []
    now = get_sandbox(group.plan.sandbox).describe([group.plan.agent])["images"]
    return [
        f"the image of {agent} was built anew since the group was made ({image['digest'][:19]} → {now[agent]['digest'][:19]})"
        for agent, image in before.items()
        if agent in now and now[agent]["digest"] != image["digest"]
    ]


def with_secrets(options: RunOptions, groups: list[Group]) -> RunOptions:
    """Options with the secrets that the groups' agents ask for."""
    names = {name for group in groups for name in group.plan.agent.secret_names}
    return replace(options, secrets={**find_secrets(names), **options.secrets})
