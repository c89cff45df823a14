"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.kaggle.transfer import RateLimit
    from mlebench.registry import Competition, Registry
    from mlebench.registry.facts import EditionName

Number = TypeVar("Number", int, float)


# what options are added to
Options = argparse.ArgumentParser | argparse._ArgumentGroup

SANDBOXES = ("docker", "apptainer", "bubblewrap", "plain", "local")
"""What `--sandbox` takes; the words of `mlebench.sandbox.base.SandboxWord`, which take long to import."""
LOCAL_HELP = "local means bubblewrap if it works here, else plain, which isolates nothing"
_SPLITS = "low, medium, high, all, dev, demo, research, own, SUITE, SUITE/SPLIT, or a file with one id per line"


def add_data_dir(parser: Options) -> None:
    """`--data-dir`."""
    parser.add_argument("--data-dir", metavar="D", help="data directory (default: $MLEBENCH_DATA_DIR, else the user cache)")


def add_runs_dir(parser: Options) -> None:
    """`--runs-dir`."""
    parser.add_argument("--runs-dir", metavar="D", help="folder of run groups (default: $MLEBENCH_RUNS_DIR, else ./runs)")


def add_split(parser: Options, help: str) -> None:
    """`--split`, its help followed by the accepted values; `registry.lists.ids_of_split` reads it."""
    parser.add_argument("--split", metavar="S", help=f"{help}: {_SPLITS}")


def add_sandbox(parser: Options, default: str, *, is_set: bool = True) -> None:
    """`--sandbox`; its default is not set where an experiment file may give one."""
    others = ", ".join(f"{name} (default)" if name == default else name for name in SANDBOXES)
    parser.add_argument("--sandbox", choices=SANDBOXES, default=default if is_set else None, metavar="SANDBOX",
                        help=f"{others}; {LOCAL_HELP}")  # fmt: skip


def add_edition(parser: Options, default: str | None = "v1", usual: str = "v1") -> None:
    """`--edition` and `--split-key`; `default` is None where the default, which `usual` describes, depends on other things."""
    parser.add_argument(
        "--edition",
        choices=("v1", "v2"),
        default=default,
        help=f"v1: the published data; v2: the corrected data (default: {usual})",
    )
    add_split_key(parser, "secret key that splits v2 data and generates research data, or `published` for the public key of v2")


def add_split_key(parser: Options, help: str) -> None:
    """`--split-key`; `split_key_of` reads it."""
    parser.add_argument("--split-key", metavar="K", help=f"{help} (default: $MLEBENCH_SPLIT_KEY)")


def add_data(parser: Options) -> None:
    """`--data-dir`, `--edition` and `--split-key`."""
    add_data_dir(parser)
    add_edition(parser)


def add_thresholds(parser: Options) -> None:
    """`--thresholds`."""
    parser.add_argument("--thresholds", choices=("published", "live"), default="published",
                        help="medal thresholds: published in 2024 (default), or live, of the refreshed leaderboard")  # fmt: skip


def add_jobs(parser: Options, what: str) -> None:
    """`--jobs`, at least 1; `what` says what N counts."""
    parser.add_argument("--jobs", type=at_least(1), default=1, metavar="N", help=f"{what} (default: 1)")


def add_competition(parser: Options, help: str) -> None:
    """`-c` of a command that takes one competition."""
    parser.add_argument("-c", "--competition-id", action=_Once, metavar="ID", help=help)


class _Once(argparse.Action):
    """Stores one value and refuses a second, different one."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        before = getattr(namespace, self.dest)
        if before not in (None, values):
            raise UsageError(
                f"`{option_string}` gives both {before} and {values}, but a submission belongs to one competition; "
                "run the command once for each, or list submissions in a file for `mlebench grade SUBMISSIONS.jsonl`"
            )
        setattr(namespace, self.dest, values)


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Competitions by id, by split or by list."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="competition ids")
    which = parser.add_argument_group("competitions")
    which.add_argument("-c", "--competition-id", action="append", default=[], metavar="ID", help="a competition (repeatable)")
    add_split(which, "all competitions of a split")
    which.add_argument("-a", "--all", action="store_true", help="the 75 competitions of the benchmark; same as --split all")
    which.add_argument("--lite", action="store_true", help="the low split; same as --split low")
    which.add_argument("-l", "--list", metavar="FILE", help="the competitions listed in a file, one id per line")


def settings_of(words: list[str] | None, flag: str) -> dict[str, Any]:
    """`KEY=VALUE` words as a dictionary; values that are valid JSON (numbers, true, lists) are parsed.

    Raises:
        UsageError: a word is not of this form.
    """
    import json

    settings = {}
    for word in words or ():
        key, separator, text = word.partition("=")
        if not separator or not key:
            raise UsageError(f"`{word}` is not KEY=VALUE; write `{flag} KEY=VALUE`, such as `{flag} {key or 'name'}=1`")
        try:
            settings[key] = json.loads(text)
        except ValueError:
            settings[key] = text
    return settings


def add_volume(parser: argparse.ArgumentParser, default: Any = False) -> None:
    """`--quiet` and `--verbose`, which every command has."""
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument("-q", "--quiet", action="store_true", default=default, help="print only results and errors")
    volume.add_argument("-v", "--verbose", action="store_true", default=default, help="also print log lines on stderr")


def add_json(parser: Options) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")


def registry_of(arguments: argparse.Namespace) -> Registry:
    """The registry with the data directory and edition of the options."""
    from mlebench.registry import Registry

    key = split_key_of(arguments)
    edition: EditionName = getattr(arguments, "edition", None) or "v1"
    registry = Registry().set_edition(edition, key)
    data_dir = getattr(arguments, "data_dir", None)
    return registry.set_data_dir(data_dir) if data_dir else registry


def split_key_of(arguments: argparse.Namespace) -> str | None:
    """The secret key given by `--split-key` or `MLEBENCH_SPLIT_KEY`."""
    return getattr(arguments, "split_key", None) or os.environ.get("MLEBENCH_SPLIT_KEY") or None


def again(arguments: argparse.Namespace, *more: object) -> str:
    """The user's own command with more words, to paste; the value of `--split-key`, a secret, becomes KEY."""
    from mlebench._support.hints import command

    words: list[str] = []
    for word in arguments.words:
        if words and words[-1] == "--split-key":
            word = "KEY"
        words.append("--split-key=KEY" if word.startswith("--split-key=") else word)
    return command(*words, *more)


def tell(arguments: argparse.Namespace, line: str) -> None:
    """Print a line of progress to stderr, unless --quiet."""
    if not arguments.quiet:
        print(line, file=sys.stderr)


def selected(arguments: argparse.Namespace, registry: Registry) -> list[Competition]:
    """The selected competitions, each once.

    Raises:
        UsageError: nothing is selected, or a competition does not exist.
    """
    from mlebench.registry.lists import ids_of_split, read_ids

    ids = [*arguments.ids, *arguments.competition_id]
    split = "all" if arguments.all else "low" if arguments.lite else arguments.split
    if split:
        ids += ids_of_split(split, registry)
    if arguments.list:
        ids += read_ids(Path(arguments.list))
    if not ids:
        raise UsageError("no competition given; add ids, `--split S` or `--list FILE`; `mlebench list` lists all competitions")
    return [registry.get_competition(competition_id) for competition_id in dict.fromkeys(ids)]


def quantity(option: str, text: str, parse: Callable[[str], Number]) -> Number:
    """The value of an option that takes a size or a duration.

    Raises:
        UsageError: the value is invalid; the sentence starts with the option.
    """
    try:
        return parse(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def rate_limit(text: str | None) -> RateLimit | None:
    """The value of `--max-rate`.

    Raises:
        UsageError: the rate is invalid or 0.
    """
    from mlebench._support.quantities import parse_size
    from mlebench.kaggle.transfer import RateLimit

    if not text:
        return None
    rate = quantity("--max-rate", text.removesuffix("/s"), parse_size)
    if rate <= 0:
        raise UsageError("--max-rate is 0, expected bytes a second such as 20m")
    return RateLimit(rate)


def at_least(least: int) -> Callable[[str], int]:
    """The `type` of an option that takes a whole number of at least `least`, 0 or 1."""

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"is {text}, expected a whole number of at least {least}")
        return int(text)

    return parse
