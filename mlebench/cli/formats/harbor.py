"""Export competitions as Harbor tasks, for every agent that Harbor runs.

A task contains no data. The agent's container sees the public files of the prepared data, read-only; only the grading
container sees the answers. Both are volumes, which the script `mlebench-volumes.sh` in the output folder creates from the
data directory.

examples:
  mlebench export harbor spaceship-titanic -o tasks
  mlebench export harbor --split low --edition v2 --profile gpu -o tasks
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench.cli.options import add_data, add_json, add_selection, registry_of, selected, settings_of, tell
from mlebench.cli.output import print_json
from mlebench.cli.progress import Progress
from mlebench.errors import UsageError
from mlebench.exports.harbor.choices import REWARDS

if TYPE_CHECKING:
    from mlebench.exports.harbor.choices import Choices


def configure(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    parser.add_argument("-o", "--output", type=Path, default=Path("harbor-tasks"), metavar="DIR",
                        help="output folder, with a subfolder per task (default: harbor-tasks)")  # fmt: skip
    task = parser.add_argument_group("task")
    task.add_argument("--profile", metavar="P", help="a profile: CPUs, memory, GPUs, time limit and network of the agent")
    task.add_argument("--profile-set", action="append", metavar="KEY=VALUE", help="change a value of the profile (repeatable)")
    task.add_argument("--reward", choices=tuple(REWARDS), default=next(iter(REWARDS)), metavar="REWARD",
                      help=f"what Harbor's `reward` is: {', '.join(REWARDS)} (default: any_medal)")  # fmt: skip
    task.add_argument("--without-data", action="store_true", help="also export tasks whose data is not prepared here")
    task.add_argument("--with-oracle", action="store_true",
                      help="add a solution that submits the answers, where Harbor gives them to it")  # fmt: skip
    images = parser.add_argument_group("images")
    base = images.add_mutually_exclusive_group()
    base.add_argument("--set", dest="package_set", default="light", metavar="SET", help="package set: light (default) or full")
    base.add_argument("--image", metavar="IMAGE", help="an existing base image for the agent, such as mlebench/base:light")
    images.add_argument("--wheel", type=Path, metavar="FILE",
                        help="wheel of mlebench for the verifier's image (default: this version from PyPI)")  # fmt: skip
    add_data(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench._support.hints import quoted
    from mlebench.exports.harbor.write import VOLUMES_SCRIPT, require_prepared, write_tasks

    competitions = selected(arguments, registry_of(arguments))
    choices = _choices(arguments)
    if not arguments.without_data:
        require_prepared(competitions)
    folder = arguments.output.expanduser()
    with Progress(quiet=arguments.quiet) as progress:
        written = write_tasks(competitions, folder, choices, progress)
    script = folder / VOLUMES_SCRIPT
    if arguments.json:
        tasks = [{"competition": one.competition.id, "path": str(one.path)} for one in written]
        print_json({"tasks": tasks, "volumes": str(script)})
        return 0
    for one in written:
        print(one.path)
    shown = quoted(str(folder))
    tell(
        arguments, f"next: create the volumes with `sh {quoted(str(script))}`, then run `harbor run -p {shown} -a AGENT -m MODEL`"
    )
    return 0


def _choices(arguments: argparse.Namespace) -> Choices:
    from mlebench.exports.harbor.choices import Choices

    if arguments.wheel is not None and not (arguments.wheel.is_file() and arguments.wheel.suffix == ".whl"):
        raise UsageError(
            f"{arguments.wheel} is not a wheel; build one with `pip wheel --no-deps -w DIR .` in a checkout of mlebench"
        )
    return Choices.of(
        arguments.profile,
        settings_of(arguments.profile_set, "--profile-set"),
        reward=arguments.reward,
        package_set=arguments.package_set,
        image=arguments.image,
        wheel=arguments.wheel,
        with_oracle=arguments.with_oracle,
    )
