"""Run agents on competitions, grade their submissions, and write a report.

A run is one agent on one competition with one seed. The runs of an agent form a run group, a folder in `runs/`.

Exit code 0 if each group is complete and has a valid submission; 1 if work failed; 2 for wrong usage or a missing precondition.

examples:
  mlebench run --agent dummy -c spaceship-titanic --sandbox local
  mlebench run --agent aide/gpt --split low --seeds 3 --profile gpu --parallel 4
  mlebench run --agent ./my-agent -c demo-wine --argument steps=5 --dry-run
  mlebench run experiment.yaml
  mlebench run --resume latest
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support.hints import command
from mlebench.cli.options import (
    add_data_dir,
    add_edition,
    add_json,
    add_runs_dir,
    add_sandbox,
    add_split,
    again,
    at_least,
    settings_of,
    tell,
)
from mlebench.cli.output import print_json, print_table, print_wrapped
from mlebench.errors import GroupStopped, UsageError

if TYPE_CHECKING:
    from mlebench.runs.experiment import Experiment
    from mlebench.runs.group_report import GroupResult
    from mlebench.runs.schedule.preview import Preview, Total


_MOST_NAMES = 6
_COST_COLUMNS = ("agent", "run hours", "GPU hours", "download", "output", "input tokens", "output tokens", "calls", "USD")


def configure(parser: argparse.ArgumentParser) -> None:
    count, count_or_none = at_least(1), at_least(0)
    parser.add_argument("experiment", nargs="?", metavar="EXPERIMENT.yaml", help="a file with any of the settings below")
    parser.add_argument("--dry-run", action="store_true", help="print the plan, its cost and what is missing; start nothing")
    parser.add_argument("--resume", metavar="GROUP", help="continue a group: name, folder or `latest`")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if any run has no valid submission")
    what = parser.add_argument_group("what to run")
    what.add_argument("--agent", action="append", metavar="NAME[/VARIANT]", help="an agent, or its folder (repeatable)")
    what.add_argument("--argument", action="append", metavar="KEY=VALUE", help="an argument of the agent (repeatable)")
    what.add_argument("-c", "--competition-id", action="append", metavar="ID", help="a competition (repeatable)")
    add_split(what, "all competitions of a split")
    what.add_argument("--seeds", type=count, metavar="N", help="number of seeds, counted from 0 (default: 1)")
    add_edition(what, default=None, usual="that of the experiment file, else v1")
    what.add_argument("--obfuscated", action="store_true", default=None, help="use task texts without names")
    what.add_argument("--name", metavar="NAME", help="name of the run group (default: time and agent)")
    limits = parser.add_argument_group("limits")
    limits.add_argument("--profile", metavar="P", help="a profile: CPUs, memory, GPUs, time limit and network of a run")
    limits.add_argument("--profile-set", action="append", metavar="KEY=VALUE", help="change a value of the profile (repeatable)")
    limits.add_argument("--network", choices=("none", "models", "open"), metavar="NETWORK",
                        help="network of a run: none, models (through the gateway) or open")  # fmt: skip
    limits.add_argument("--allow", action="append", metavar="HOST", help="a host to open besides the models (repeatable)")
    limits.add_argument("--models", action="append", metavar="FILE", help="a models file of yours (repeatable)")
    limits.add_argument("--budget", metavar="LIMITS", help="model budget of each run, such as usd=5,calls=200")
    where = parser.add_argument_group("sandbox and executor")
    add_sandbox(where, "docker", is_set=False)
    where.add_argument("--executor", choices=("local", "ray", "slurm"), metavar="EXECUTOR",
                       help="local (default, this machine), ray or slurm")  # fmt: skip
    where.add_argument("--address", metavar="A", help="address of the Ray cluster (default: auto)")
    where.add_argument("--executor-set", action="append", metavar="KEY=VALUE",
                       help="an option of sbatch, such as partition=gpu (repeatable)")  # fmt: skip
    where.add_argument("--images-from", metavar="DIR", help="shared folder that takes images to nodes; none: build on nodes")
    where.add_argument("--node-data", metavar="DIR", help="folder on each node for a copy of public data; none: no copy")
    where.add_argument("--parallel", type=count, metavar="N", help="maximum number of parallel runs (default: what fits)")
    where.add_argument("--retries", type=count_or_none, metavar="N", help="retries after infrastructure failures (default: 2)")
    where.add_argument("--fail-fast", type=count_or_none, metavar="N",
                       help="stop after N runs in a row that fail at once (default: 3; 0: never)")  # fmt: skip
    where.add_argument("--keep-container", action="store_true", default=None, help="keep containers and working folders")
    add_data_dir(parser)
    add_runs_dir(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.cli.run_display import make_display
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
        raise UsageError(f"no agent given; run {again(arguments, '--agent', 'NAME')}; `mlebench agents` lists all agents")
    return validate(flags, Experiment, "invalid option")


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
        raise UsageError("`--argument` requires `--agent`; in an experiment file, set `arguments` of the agent")
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
        flag = "EXPERIMENT.yaml" if given[0] == "experiment" else "--" + given[0].replace("_", "-")
        raise UsageError(f"`{flag}` cannot change when a group is resumed; remove it, or start a new group without `--resume`")


def _show_results(results: list[GroupResult], arguments: argparse.Namespace) -> int:
    """Show the results of the groups."""
    from grading.wording import counted
    from mlebench.cli.commands.runs import group_content, show_group
    from mlebench.runs.group_report import count_snapshots

    if arguments.json:
        contents = [group_content(result) for result in results]
        print_json(contents[0] if len(contents) == 1 else contents)
    else:
        for result in results:
            show_group(result)
            print(f"report: {result.report}")
            tell(arguments, f"next: {command('report', _shown(result.group.folder))} shows medals and scores")
            if snapshots := count_snapshots(result.group):
                grade = command("grade", _shown(result.group.folder))
                print(f"{counted(snapshots, 'snapshot')} of submissions kept; {grade} grades them for the report")
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
    """The models of a plan, and how to limit what they cost."""
    from mlebench.runs.models import served_models

    served = served_models(entry.plan)
    names = [f"{name} ({behind})" for name, behind in served.items()]
    return (_first(names) or "none") + ("; no limit in USD: set one with `--budget usd=…`" if entry.most_usd is None else "")


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_NAMES]) + (f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else "")


def _cost(what: Preview | Total) -> list[object]:
    """Cells of what a group, or all groups together, can cost."""
    from mlebench._support.quantities import show_size
    from mlebench.runs.schedule.preview import download_size

    unknown = sum(size is None for size in what.downloads.values())
    download = show_size(download_size(what.downloads)) + (f" + {unknown} of unknown size" if unknown else "")
    limits = [_amount(what.most[key]) for key in ("input_tokens", "output_tokens", "calls", "usd")]
    return [f"{what.hours:,.6g}", f"{what.gpu_hours:,.6g}", download, show_size(what.disk), *limits]


def _amount(most: float | None) -> str:
    return "no limit" if most is None else f"{most:,.10g}"


def _times(what: Preview | Total) -> list[object]:
    from mlebench._support.quantities import show_duration

    return [show_duration(seconds) if seconds < math.inf else "never" for seconds in (what.seconds, what.longest)]


def _print_previews(previews: list[Preview]) -> None:
    from mlebench.runs.schedule.preview import Total
    from mlebench.runs.wording import limits_text

    total = Total(previews)
    plans = [
        [
            entry.plan.agent.id,
            len(entry.plan.competitions),
            len(entry.plan.seeds),
            len(entry.plan.runs),
            entry.plan.profile.name.partition("+")[0],
            entry.slots,
            *_times(entry),
        ]
        for entry in previews
    ]
    costs = [[entry.plan.agent.id, *_cost(entry)] for entry in previews]
    if len(previews) > 1:
        plans.append(["all", None, None, total.runs, None, None, *_times(total)])
        costs.append(["all", *_cost(total)])
    print_table(["agent", "competitions", "seeds", "runs", "profile", "slots", "expected", "at most"], plans)
    print_table(_COST_COLUMNS, costs, title="cost at most")
    if any(entry.plan.has_gateway for entry in previews):
        print("Limits of tokens, calls and USD are those of the budget; a retried run may use its budget once more.")
    for entry in previews:
        plan = entry.plan
        print_wrapped(f"{plan.agent.id}: {limits_text(plan.profile)}, sandbox {plan.sandbox}, edition {plan.edition}")
        print_wrapped(_first(plan.competitions), indent=2)
        if plan.has_gateway:
            print_wrapped(f"models: {_models_line(entry)}", indent=2)
    for agent, address in {entry.plan.agent.id: entry.plan.agent.address for entry in previews if entry.unbuilt}.items():
        build = command("agents", "build", address)
        print(f"not built: the image of {agent}; the run builds it first, or build it now with {build}")
    problems = list(dict.fromkeys(problem for entry in previews for problem in entry.problems))
    for problem in problems:
        print(f"missing: {problem}")
    if not problems:
        print("nothing is missing")
