"""Let an agent work on competitions, grade what it hands in, and report.

A run is one agent, one competition, one seed; the runs of an agent form a group, a folder in `runs/`.

examples:
  mlebench run --agent dummy -c spaceship-titanic --sandbox local
  mlebench run --agent aide/gpt --split low --seeds 3 --profile gpu --parallel 4
  mlebench run experiment.yaml --dry-run
  mlebench run --resume 2026-01-31T09-30-00_aide-gpt
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support import paths
from mlebench.cli.options import add_data_dir, add_edition, add_json, add_runs_dir, add_split, at_least, split_key_of, tell
from mlebench.cli.output import print_json, print_table
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.runs.executors.base import Executor
    from mlebench.runs.experiment import Experiment
    from mlebench.runs.group import Group
    from mlebench.runs.plan import Plan
    from mlebench.runs.schedule.preview import Preview
    from mlebench.runs.schedule.scheduler import RunOptions


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("experiment", nargs="?", metavar="EXPERIMENT.yaml", help="everything below in one file")
    what = parser.add_argument_group("what to run")
    what.add_argument("--agent", action="append", metavar="NAME[/VARIANT]", help="an agent, or its folder (repeatable)")
    what.add_argument("-c", "--competition-id", action="append", metavar="ID", help="a competition (repeatable)")
    add_split(what, "all competitions of a split")
    what.add_argument("--seeds", type=at_least(1), metavar="N", help="so many seeds, counted from 0 (default: 1)")
    what.add_argument("--argument", action="append", metavar="KEY=VALUE", help="an argument of the agent (repeatable)")
    # without a flag an experiment file's own edition holds
    add_edition(what, default=None)
    what.add_argument("--obfuscated", action="store_true", default=None, help="describe the tasks without telling names")
    where = parser.add_argument_group("where and how")
    where.add_argument("--profile", metavar="P", help="CPUs, memory, GPUs, time and network of a run")
    where.add_argument("--profile-set", action="append", metavar="KEY=VALUE", help="change one value of it (repeatable)")
    where.add_argument("--sandbox", choices=("docker", "local"), help="default: docker; local isolates nothing")
    where.add_argument("--executor", choices=("local", "ray", "slurm"), help="default: local, this machine")
    where.add_argument("--address", default="auto", metavar="A", help="of the Ray cluster (default: auto)")
    where.add_argument("--executor-set", action="append", metavar="KEY=VALUE", help="for sbatch, e.g. partition=gpu")
    where.add_argument("--parallel", type=at_least(1), metavar="N", help="most runs at once (default: what the machine holds)")
    where.add_argument("--retries", type=at_least(0), metavar="N", help="for failures of the infrastructure (default: 2)")
    where.add_argument(
        "--fail-fast", type=at_least(0), metavar="N", help="stop after N runs that fail at once (default: 3; 0: never)"
    )
    where.add_argument("--keep-container", action="store_true", help="leave containers and working folders standing")
    add_data_dir(where)
    add_runs_dir(where)
    where.add_argument("--name", metavar="NAME", help="of the run group (default: time and agent)")
    parser.add_argument("--resume", metavar="GROUP", help="go on with a group: `latest`, a name or a folder")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and what is missing; start nothing")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.resume:
        return _resume(arguments)
    experiment = _experiment(arguments)
    plans = experiment.plans(arguments.data_dir, _split_key(experiment.edition, arguments))
    executor = _executor(arguments, experiment)
    if arguments.dry_run:
        return _dry_run(plans, executor, arguments, _split_key(experiment.edition, arguments))
    from mlebench.runs.display import make_display
    from mlebench.runs.schedule.scheduler import GroupStopped, run_groups
    from mlebench.runs.start import create_groups, refuse_problems, with_secrets

    options = _options(arguments, experiment)
    refuse_problems(plans, executor, options.split_key)
    groups = create_groups(plans, paths.runs_dir(arguments.runs_dir), experiment.name, executor.name)
    _tell_start(groups, arguments)
    try:
        run_groups(groups, executor, with_secrets(options, groups), None if arguments.quiet else make_display())
    except GroupStopped as stopped:
        print(f"mlebench run: {stopped}", file=sys.stderr)
        _show_results(groups, arguments)
        return 1
    return _show_results(groups, arguments)


def _experiment(arguments: argparse.Namespace) -> Experiment:
    from mlebench._support.yaml_model import validate
    from mlebench.runs.experiment import Experiment, read_experiment

    flags = _flags(arguments)
    if arguments.experiment:
        return read_experiment(Path(arguments.experiment), flags)
    if not arguments.agent:
        raise UsageError("which agent? `mlebench run --agent NAME -c ID`; `mlebench agents` lists the agents")
    return validate(flags, Experiment, "the flags")


def _flags(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the flags say of an experiment; flags that were not given are left out."""
    given = {
        "name": arguments.name,
        "competitions": arguments.competition_id,
        "split": arguments.split,
        "seeds": arguments.seeds,
        "edition": arguments.edition,
        "obfuscated": arguments.obfuscated,
        "sandbox": arguments.sandbox,
        "executor": arguments.executor,
        "parallel": arguments.parallel,
        "retries": arguments.retries,
        "fail_fast": arguments.fail_fast,
    }
    if arguments.profile or arguments.profile_set:
        given["profile"] = {"base": arguments.profile, **_settings(arguments.profile_set, "--profile-set")}
    if arguments.agent:
        settings = _settings(arguments.argument, "--argument")
        given["agents"] = [{"agent": name, "arguments": settings} for name in arguments.agent]
    elif arguments.argument:
        raise UsageError("--argument belongs to an --agent; in an experiment file write it under `arguments`")
    if arguments.split and arguments.experiment and not arguments.competition_id:
        given["competitions"] = ()
    if arguments.competition_id and arguments.experiment and not arguments.split:
        given["split"] = None
        return {key: value for key, value in given.items() if value is not None or key == "split"}
    return {key: value for key, value in given.items() if value is not None}


def _settings(words: list[str] | None, flag: str) -> dict[str, Any]:
    """`KEY=VALUE` words; values that are JSON (numbers, true, lists) are read as such."""
    settings = {}
    for word in words or ():
        key, separator, text = word.partition("=")
        if not separator or not key:
            raise UsageError(f"`{word}` is no setting; write `{flag} KEY=VALUE`")
        try:
            settings[key] = json.loads(text)
        except ValueError:
            settings[key] = text
    return settings


def _executor(arguments: argparse.Namespace, experiment: Experiment | None) -> Executor:
    from mlebench.runs.executors import get_executor
    from mlebench.runs.executors.base import ExecutorOptions

    name = arguments.executor or (experiment.executor if experiment else "local")
    parallel = arguments.parallel or (experiment.parallel if experiment else None)
    settings = _settings(arguments.executor_set, "--executor-set")
    return get_executor(name, ExecutorOptions(parallel, arguments.address, settings))


def _options(arguments: argparse.Namespace, experiment: Experiment | None) -> RunOptions:
    from mlebench.runs.schedule.scheduler import RunOptions

    retries = experiment.retries if experiment else arguments.retries
    fail_fast = experiment.fail_fast if experiment else arguments.fail_fast
    return RunOptions(
        retries=2 if retries is None else retries,
        fail_fast=3 if fail_fast is None else fail_fast,
        keep=arguments.keep_container,
        split_key=_split_key(experiment.edition if experiment else "v2", arguments),
    )


def _split_key(edition: str, arguments: argparse.Namespace) -> str | None:
    return split_key_of(arguments) if edition == "v2" else None


def _resume(arguments: argparse.Namespace) -> int:
    from mlebench.runs.display import make_display
    from mlebench.runs.group import find_group
    from mlebench.runs.resume import check_unchanged
    from mlebench.runs.schedule.scheduler import GroupStopped
    from mlebench.runs.start import resume_group

    _refuse_changes(arguments)
    group = find_group(paths.runs_dir(arguments.runs_dir), arguments.resume)
    executor = _executor(arguments, None)
    options = replace(_options(arguments, None), split_key=_split_key(group.plan.edition, arguments))
    check_unchanged(group, options.split_key)
    if arguments.dry_run:
        return _dry_run([group.plan], executor, arguments, options.split_key)
    _tell_start([group], arguments)
    try:
        resume_group(group, executor, options, None if arguments.quiet else make_display())
    except GroupStopped as stopped:
        print(f"mlebench run: {stopped}", file=sys.stderr)
        _show_results([group], arguments)
        return 1
    return _show_results([group], arguments)


def _refuse_changes(arguments: argparse.Namespace) -> None:
    frozen = ("experiment", "agent", "competition_id", "split", "seeds", "argument", "edition", "obfuscated", "profile",
              "profile_set", "sandbox", "data_dir", "name")  # fmt: skip
    given = [name for name in frozen if getattr(arguments, name) is not None]
    if given:
        flag = "an experiment file" if given[0] == "experiment" else "--" + given[0].replace("_", "-")
        raise UsageError(f"{flag} is part of the frozen plan; use `--resume` without it, or start a new group without `--resume`")


def _tell_start(groups: list[Group], arguments: argparse.Namespace) -> None:
    for group in groups:
        plan = group.plan
        tell(
            arguments,
            f"{group.folder}: {len(plan.runs)} runs of {plan.agent.id}, profile {plan.profile.name} "
            f"({_limits(plan)}), sandbox {plan.sandbox}",
        )
        if plan.sandbox == "local":
            from mlebench.sandbox.local.sandbox import NOTICE

            print(NOTICE, file=sys.stderr)


def _limits(plan: Plan) -> str:
    from mlebench._support.quantities import show_duration, show_size

    profile = plan.profile
    return (
        f"{profile.cpus:g} CPUs, {show_size(profile.memory)}, {profile.gpus} GPUs, at most "
        f"{show_duration(profile.time_limit)}, network {profile.network}"
    )


def _show_results(groups: list[Group], arguments: argparse.Namespace) -> int:
    """Show what became of the groups; 1 when the infrastructure failed a run or a run is not done."""
    from mlebench.cli.commands.runs import group_content, show_group

    if arguments.json:
        contents = [group_content(group) for group in groups]
        print_json(contents[0] if len(contents) == 1 else contents)
    else:
        for group in groups:
            show_group(group)
            print(f"report: {group.folder / 'grading_report.json'}; `mlebench report {_shown(group.folder)}` sums it up")
    records = [record for group in groups for record in group.records()]
    return 1 if any(record.failure_class == "infrastructure" or not record.has_ended for record in records) else 0


def _shown(folder: Path) -> Path:
    """A folder as short as it can be typed from here."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def _dry_run(plans: list[Plan], executor: Executor, arguments: argparse.Namespace, split_key: str | None) -> int:
    """Show what would happen; 2 when something is missing."""
    from mlebench.runs.schedule.preview import preview
    from mlebench.sandbox.choose import get_sandbox

    runs_dir = paths.runs_dir(arguments.runs_dir)
    previews = [preview(plan, executor, get_sandbox(plan.sandbox), runs_dir, split_key) for plan in plans]
    if arguments.json:
        print_json([entry.to_dict() for entry in previews])
    else:
        _show_previews(previews)
    return 2 if any(entry.problems for entry in previews) else 0


def _show_previews(previews: list[Preview]) -> None:
    from mlebench._support.quantities import show_duration, show_size

    rows = [
        [
            entry.plan.agent.id,
            len(entry.plan.competitions),
            len(entry.plan.seeds),
            len(entry.plan.runs),
            entry.plan.profile.name,
            entry.slots,
            show_duration(entry.seconds) if entry.slots else "never",
            show_duration(entry.longest) if entry.slots else "never",
            entry.gpu_hours,
            show_size(entry.disk),
        ]
        for entry in previews
    ]
    columns = ["agent", "competitions", "seeds", "runs", "profile", "slots", "expected", "at most", "GPU-hours", "disk"]
    print_table(columns, rows)
    for entry in previews:
        print(f"{entry.plan.agent.id}: {_limits(entry.plan)}, sandbox {entry.plan.sandbox}, edition {entry.plan.edition}")
        print(f"  {', '.join(entry.plan.competitions)}")
    for agent in dict.fromkeys(agent for entry in previews for agent in entry.unbuilt):
        print(f"not built: the image of {agent}; the start of the group builds it, or `mlebench agents build {agent}`")
    problems = list(dict.fromkeys(problem for entry in previews for problem in entry.problems))
    for problem in problems:
        print(f"missing: {problem}")
    if not problems:
        print("nothing is missing")
