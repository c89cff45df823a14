"""Write competitions as tasks of Harbor, so that every agent which Harbor runs can work on them.

A task holds no data: the agent's container gets the public files of prepared data, read-only, and only the container that
grades gets the answers. Both are volumes, which the script `mlebench-volumes.sh` beside the tasks makes of the data directory.

examples:
  mlebench export harbor spaceship-titanic -o tasks
  mlebench export harbor --split low --edition v2 --profile gpu -o tasks
  sh tasks/mlebench-volumes.sh && harbor run -p tasks -a claude-code -m MODEL
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench.cli.options import add_data, add_json, add_selection, registry_of, selected, settings_of, tell
from mlebench.cli.output import print_json
from mlebench.errors import UsageError
from mlebench.exports.harbor.choices import REWARDS

if TYPE_CHECKING:
    from mlebench.exports.harbor.choices import Choices


def configure(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    parser.add_argument("-o", "--output", type=Path, default=Path("harbor-tasks"), metavar="DIR",
                        help="the folder, in which each competition gets one (default: harbor-tasks)")  # fmt: skip
    parser.add_argument("--profile", metavar="P", help="CPUs, memory, GPUs, time and network of the agent")
    parser.add_argument("--profile-set", action="append", metavar="KEY=VALUE", help="change one value of it (repeatable)")
    parser.add_argument("--reward", choices=tuple(REWARDS), default=next(iter(REWARDS)),
                        help="what `reward` is; the others are told besides (default: any_medal)")  # fmt: skip
    parser.add_argument("--without-data", action="store_true", help="also write tasks whose data is not prepared here")
    parser.add_argument("--with-oracle", action="store_true",
                        help="add a solution, which hands in the answers where it is given them")  # fmt: skip
    images = parser.add_argument_group("images")
    base = images.add_mutually_exclusive_group()
    base.add_argument("--set", dest="package_set", default="light", metavar="SET", help="libraries for the agent: light or full")
    base.add_argument("--image", metavar="IMAGE", help="a base image that is there, such as mlebench/base:light, for the agent's")
    images.add_argument("--wheel", type=Path, metavar="FILE",
                        help="this harness as a wheel, for the verifier's image (default: its version from PyPI)")  # fmt: skip
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
    written = write_tasks(competitions, folder, choices)
    script = folder / VOLUMES_SCRIPT
    if arguments.json:
        tasks = [{"competition": one.competition.id, "path": str(one.path)} for one in written]
        print_json({"tasks": tasks, "volumes": str(script)})
        return 0
    for one in written:
        print(one.path)
    shown = quoted(str(folder))
    tell(arguments, f"next: `sh {quoted(str(script))}` makes their volumes; `harbor run -p {shown} -a AGENT -m MODEL` runs them")
    return 0


def _choices(arguments: argparse.Namespace) -> Choices:
    from mlebench.exports.harbor.choices import Choices

    if arguments.wheel is not None and not (arguments.wheel.is_file() and arguments.wheel.suffix == ".whl"):
        raise UsageError(f"{arguments.wheel} is no wheel; make one with `pip wheel --no-deps -w DIR` in the harness's folder")
    return Choices.of(
        arguments.profile,
        settings_of(arguments.profile_set, "--profile-set"),
        reward=arguments.reward,
        package_set=arguments.package_set,
        image=arguments.image,
        wheel=arguments.wheel,
        with_oracle=arguments.with_oracle,
    )
