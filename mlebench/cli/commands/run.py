"""Let an agent work on competitions, grade what it submits, and report.

A run is one agent, one competition, one seed; the runs of an agent form a group, a folder in `runs/`.

examples:
  mlebench run --agent dummy -c spaceship-titanic --sandbox local
  mlebench run --agent aide/gpt --split low --seeds 3 --profile gpu --parallel 4
  mlebench run experiment.yaml --dry-run
  mlebench run --resume 2026-01-31T09-30-00_aide-gpt
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support.hints import command
from mlebench.cli.options import (
    LOCAL_HELP,
    SANDBOXES,
    add_data_dir,
    add_edition,
    add_json,
    add_runs_dir,
    add_split,
    again,
    at_least,
    settings_of,
)
from mlebench.cli.output import print_json, print_table
from mlebench.errors import GroupStopped, UsageError

if TYPE_CHECKING:
    from mlebench.runs.experiment import Experiment
    from mlebench.runs.group_report import GroupResult
    from mlebench.runs.schedule.preview import Preview, Total


_MOST_MODELS = 6


def configure(parser: argparse.ArgumentParser) -> None:
    count, count_or_none = at_least(1), at_least(0)
    parser.add_argument("experiment", nargs="?", metavar="EXPERIMENT.yaml", help="everything below in one file")
    what = parser.add_argument_group("what to run")
    what.add_argument("--agent", action="append", metavar="NAME[/VARIANT]", help="an agent, or its folder (repeatable)")
    what.add_argument("-c", "--competition-id", action="append", metavar="ID", help="a competition (repeatable)")
    add_split(what, "all competitions of a split")
    what.add_argument("--seeds", type=count, metavar="N", help="number of seeds, counted from 0 (default: 1)")
    what.add_argument("--argument", action="append", metavar="KEY=VALUE", help="an argument of the agent (repeatable)")
    # without a flag an experiment file's own edition holds
    add_edition(what, default=None)
    what.add_argument("--obfuscated", action="store_true", default=None, help="describe the tasks without names")
    where = parser.add_argument_group("where and how")
    where.add_argument("--profile", metavar="P", help="CPUs, memory, GPUs, time and network of a run")
    where.add_argument("--profile-set", action="append", metavar="KEY=VALUE", help="change one value of it (repeatable)")
    where.add_argument(
        "--network",
        choices=("none", "models", "open"),
        help="what a run reaches: nothing, models through the gateway, everything",
    )
    where.add_argument("--budget", metavar="WORDS", help="of each run for models, e.g. usd=5,calls=200")
    where.add_argument("--models", action="append", metavar="FILE", help="a file of models beside models.yaml (repeatable)")
    where.add_argument("--allow", action="append", metavar="HOST", help="a host open beside the models (repeatable)")
    where.add_argument("--sandbox", choices=SANDBOXES, help=f"default: docker; {LOCAL_HELP}")
    where.add_argument("--executor", choices=("local", "ray", "slurm"), help="default: local, this machine")
    where.add_argument("--address", metavar="A", help="of the Ray cluster (default: auto)")
    where.add_argument("--executor-set", action="append", metavar="KEY=VALUE", help="for sbatch, e.g. partition=gpu")
    where.add_argument("--images-from", metavar="DIR", help="ship images to nodes through this shared folder; none: build there")
    where.add_argument(
        "--node-data", metavar="DIR", help="copy public data once to this folder on each node's disk; none: do not"
    )
    where.add_argument(
        "--parallel", type=count, metavar="N", help="maximum number of runs at once (default: what the machine can hold)"
    )
    where.add_argument("--retries", type=count_or_none, metavar="N", help="retries after infrastructure failures (default: 2)")
    where.add_argument(
        "--fail-fast",
        type=count_or_none,
        metavar="N",
        help="stop after N runs in a row that fail right away (default: 3; 0: never)",
    )
    where.add_argument("--keep-container", action="store_true", default=None, help="keep containers and working folders")
    add_data_dir(where)
    add_runs_dir(where)
    where.add_argument("--name", metavar="NAME", help="of the run group (default: time and agent)")
    parser.add_argument("--resume", metavar="GROUP", help="continue a group: `latest`, a name or a folder")
    parser.add_argument("--strict", action="store_true", help="exit code 1 also where a run left no valid submission")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and what is missing; start nothing")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.runs.display import make_display
    from mlebench.runs.start import preview_run
    from mlebench.runs.start import run as start

    what: dict[str, Any] = {"resume": arguments.resume, **_settings_flags(arguments)} if arguments.resume else {}
    if arguments.resume:
        _refuse_changes(arguments)
    else:
        what["experiment"] = _experiment(arguments)
    where = {key: getattr(arguments, key) for key in ("split_key", "data_dir", "runs_dir")}
    if arguments.dry_run:
        return _show_previews(preview_run(**what, **where), arguments)
    try:
        return _show_results(start(**what, **where, display=make_display(quiet=arguments.quiet)), arguments)
    except GroupStopped as stopped:
        print(f"mlebench run: {stopped}", file=sys.stderr)
        _show_results(stopped.results, arguments)
        return 1


def _experiment(arguments: argparse.Namespace) -> Experiment:
    from mlebench._support.yaml_model import validate
    from mlebench.runs.experiment import Experiment, read_experiment

    flags = _flags(arguments)
    if arguments.experiment:
        return read_experiment(Path(arguments.experiment), flags)
    if not arguments.agent:
        raise UsageError(f"which agent? {again(arguments, '--agent', 'NAME')} names it; `mlebench agents` lists the agents")
    return validate(flags, Experiment, "the flags")


def _settings_flags(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the flags say of how groups are run; a group that is resumed keeps the rest."""
    given = {
        "executor": arguments.executor,
        "address": arguments.address,
        "executor_settings": settings_of(arguments.executor_set, "--executor-set") or None,
        "images_from": arguments.images_from,
        "node_data": arguments.node_data,
        "parallel": arguments.parallel,
        "retries": arguments.retries,
        "fail_fast": arguments.fail_fast,
        "keep": arguments.keep_container,
    }
    return {key: value for key, value in given.items() if value is not None}


def _flags(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the flags say of an experiment; flags that were not given are left out."""
    competitions, split = _competitions(arguments)
    given = {
        "name": arguments.name,
        "competitions": competitions,
        "split": split,
        "seeds": arguments.seeds,
        "edition": arguments.edition,
        "obfuscated": arguments.obfuscated,
        "sandbox": arguments.sandbox,
        "network": arguments.network,
        "budget": arguments.budget,
        "models": arguments.models,
        "allow": arguments.allow,
        **_settings_flags(arguments),
    }
    if arguments.profile or arguments.profile_set:
        given["profile"] = {"base": arguments.profile, **settings_of(arguments.profile_set, "--profile-set")}
    if arguments.agent:
        settings = settings_of(arguments.argument, "--argument")
        given["agents"] = [{"agent": name, "arguments": settings} for name in arguments.agent]
    elif arguments.argument:
        raise UsageError("--argument belongs to an --agent; in an experiment file write it under `arguments`")
    if split and arguments.experiment and not competitions:
        given["competitions"] = ()
    if competitions and arguments.experiment and not split:
        given["split"] = None
        return {key: value for key, value in given.items() if value is not None or key == "split"}
    return {key: value for key, value in given.items() if value is not None}


def _competitions(arguments: argparse.Namespace) -> tuple[list[str] | None, str | None]:
    """Single competitions and the split that the flags name; a file with ids stands for what it lists."""
    from mlebench.registry import SPLITS, Registry
    from mlebench.registry.lists import ids_of_split

    if arguments.split is None or arguments.split in SPLITS:
        return arguments.competition_id, arguments.split
    listed = ids_of_split(arguments.split, Registry())
    return [*dict.fromkeys([*(arguments.competition_id or ()), *listed])], None


def _refuse_changes(arguments: argparse.Namespace) -> None:
    frozen = ("experiment", "agent", "competition_id", "split", "seeds", "argument", "edition", "obfuscated", "profile",
              "profile_set", "network", "budget", "models", "allow", "sandbox", "data_dir", "name")  # fmt: skip
    given = [name for name in frozen if getattr(arguments, name) is not None]
    if given:
        flag = "an experiment file" if given[0] == "experiment" else "--" + given[0].replace("_", "-")
        raise UsageError(f"{flag} is part of the frozen plan; use `--resume` without it, or start a new group without `--resume`")


def _show_results(results: list[GroupResult], arguments: argparse.Namespace) -> int:
    """Show what became of the groups."""
    from grading.wording import counted
    from mlebench.cli.commands.runs import group_content, show_group
    from mlebench.runs.group_report import count_snapshots

    if arguments.json:
        contents = [group_content(result) for result in results]
        print_json(contents[0] if len(contents) == 1 else contents)
    else:
        for result in results:
            show_group(result)
            print(f"report: {result.report}; {command('report', _shown(result.group.folder))} sums it up")
            if snapshots := count_snapshots(result.group):
                grade = command("grade", _shown(result.group.folder))
                print(f"{counted(snapshots, 'snapshot')} of submissions kept; {grade} grades them for the report's best snapshot")
    return 0 if all(_is_success(result, strict=arguments.strict) for result in results) else 1


def _is_success(result: GroupResult, *, strict: bool) -> bool:
    """Whether the work was done: an agent's failure is a result, but a group without any valid submission has failed."""
    valid = [record.has_valid_submission for record in result.records]
    return result.is_complete and (all(valid) if strict else any(valid))


def _shown(folder: Path) -> Path:
    """A folder as short as it can be typed from here."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def _show_previews(previews: list[Preview], arguments: argparse.Namespace) -> int:
    """Show what would happen; 2 when something is missing."""
    if arguments.json:
        print_json([entry.to_dict() for entry in previews])
    else:
        _print_previews(previews)
    return 2 if any(entry.problems for entry in previews) else 0


def _models_line(entry: Preview) -> str:
    """The models of a plan, and the most that they can cost."""
    from grading.wording import counted
    from mlebench.runs.models import served_models

    served = served_models(entry.plan)
    names = [f"{name} ({behind})" for name, behind in served.items()]
    shown = ", ".join(names[:_MOST_MODELS]) + (f" and {len(names) - _MOST_MODELS} more" if len(names) > _MOST_MODELS else "")
    if entry.most_usd is None:
        return f"{shown or 'none'}; no limit in usd (`--budget usd=…` sets one)"
    usd, runs = entry.plan.profile.budget.usd, counted(len(entry.plan.runs), "run")
    most = f"at most {usd:g} USD each, {entry.most_usd:g} USD for {runs}"
    return f"{shown or 'none'}; {most}; one that is tried again may spend as much again"


def _most_of_all(total: Total) -> str:
    """The most that the runs of all groups take and their models can cost."""
    from grading.wording import counted

    hours = f"{counted(total.runs, 'run')} of at most {total.hours:g} hours in sum"
    if not any(entry.plan.has_gateway for entry in total.previews):
        return hours
    if total.most_usd is None:
        return f"{hours}; no limit in usd, as a group has none"
    return f"{hours}; at most {total.most_usd:g} USD, and what is tried again may spend as much again"


def _together(what: Preview | Total) -> list[object]:
    """Cells that a group has and all groups have together."""
    from mlebench._support.quantities import show_duration, show_size

    times = [show_duration(seconds) if seconds < math.inf else "never" for seconds in (what.seconds, what.longest)]
    return [*times, what.gpu_hours, show_size(what.disk)]


def _print_previews(previews: list[Preview]) -> None:
    from mlebench.runs.display import limits_text
    from mlebench.runs.schedule.preview import Total

    total = Total(previews)
    rows = [
        [
            entry.plan.agent.id,
            len(entry.plan.competitions),
            len(entry.plan.seeds),
            len(entry.plan.runs),
            entry.plan.profile.name,
            entry.slots,
            *_together(entry),
        ]
        for entry in previews
    ]
    if len(previews) > 1:
        rows.append(["all", None, None, total.runs, None, None, *_together(total)])
    columns = ["agent", "competitions", "seeds", "runs", "profile", "slots", "expected", "at most", "GPU-hours", "disk"]
    print_table(columns, rows)
    for entry in previews:
        plan = entry.plan
        print(f"{plan.agent.id}: {limits_text(plan.profile)}, sandbox {plan.sandbox}, edition {plan.edition}")
        print(f"  {', '.join(plan.competitions)}")
        if plan.has_gateway:
            print(f"  models: {_models_line(entry)}")
    if len(previews) > 1:
        print(f"all: {_most_of_all(total)}")
    for agent in dict.fromkeys(agent for entry in previews for agent in entry.unbuilt):
        print(f"not built: the image of {agent}; the start of the group builds it, or {command('agents', 'build', agent)}")
    problems = list(dict.fromkeys(problem for entry in previews for problem in entry.problems))
    for problem in problems:
        print(f"missing: {problem}")
    if not problems:
        print("nothing is missing")
