"""Create a competition folder: from Kaggle, from data of your own, or empty.

`--from-kaggle` downloads a competition with your Kaggle account and `--from-folder` takes a folder with a table. Both work out
ids, targets, files, metric and split, and print each guess with its reason. Without either, the new folder works on made-up
data and has a TODO at each place to fill in.

An interrupted command continues when you run it again.

examples:
  mlebench new-competition spaceship-titanic --from-kaggle --into ~/competitions
  mlebench new-competition wards --from-folder ~/wards --target outcome --metric accuracy --into ~/competitions
  mlebench new-competition my-competition
"""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support.hints import command
from mlebench.cli.commands.new_agent import tell_scaffold
from mlebench.cli.options import add_data_dir, quantity, registry_of
from mlebench.errors import CannotDraft, UsageError
from mlebench.scaffold import new_folder, scaffold

if TYPE_CHECKING:
    from mlebench.cli.progress import Progress
    from mlebench.kaggle.transfer import Transfer
    from mlebench.scaffold.draft.origin import Origin
    from mlebench.scaffold.drafted import Drafted

_PATIENCE = "1m"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="id of the competition; with --from-kaggle the end of its address, or all")
    parser.add_argument("--into", default="competitions", metavar="DIR", help="their folder (default: competitions)")
    source = parser.add_argument_group("source").add_mutually_exclusive_group()
    source.add_argument("--from-kaggle", action="store_true", help="download the competition NAME from Kaggle")
    source.add_argument("--from-folder", metavar="DATA", help="use the table in this folder, and the files that it names")
    known = parser.add_argument_group("with either source")
    known.add_argument("--target", metavar="COLUMN", help="the column to predict (required with --from-folder)")
    known.add_argument(
        "--metric", metavar="METRIC", help="the metric, such as accuracy (required with --from-folder; Kaggle names its own)"
    )
    add_data_dir(known)
    kaggle = parser.add_argument_group("downloads from Kaggle")
    kaggle.add_argument("--max-rate", metavar="RATE", help="limit of the download in bytes per second, such as 20m")
    kaggle.add_argument("--patience", metavar="TIME", help=f"keep trying for this long if Kaggle fails (default: {_PATIENCE})")


def run(arguments: argparse.Namespace) -> int:
    home = Path(arguments.into).expanduser().absolute()
    if not (arguments.from_kaggle or arguments.from_folder is not None):
        _refuse(arguments, ("target", "metric", "data_dir", "max_rate", "patience"), "--from-kaggle or --from-folder")
        _refuse_address(arguments)
        left = scaffold("competition", arguments.name, home)
        tell_scaffold("competition", home / arguments.name, left, f"mlebench prepare {arguments.name} --mock")
        return 0
    _require_metric(arguments.metric)
    _require_writable(home)
    return _from_kaggle(arguments, home) if arguments.from_kaggle else _from_folder(arguments, home)


def _from_kaggle(arguments: argparse.Namespace, home: Path) -> int:
    from mlebench.cli.progress import Progress
    from mlebench.kaggle.listing import slug_of
    from mlebench.preparation.raw_download import raw_folder
    from mlebench.scaffold.fetched import fetch_origin

    slug = slug_of(arguments.name)
    folder = new_folder("competition", slug, home)
    raw = raw_folder(registry_of(arguments).data_dir, slug)
    with Progress(quiet=arguments.quiet) as display:
        origin = fetch_origin(
            slug,
            raw,
            target=arguments.target,
            metric=arguments.metric,
            transfer=_transfer(arguments),
            listener=display,
            tell=display.tell,
        )
        drafted = _draft(arguments, raw, origin, folder, display)
    return _report(arguments, drafted)


def _from_folder(arguments: argparse.Namespace, home: Path) -> int:
    from mlebench.cli.progress import Progress
    from mlebench.scaffold.draft.origin import Origin

    _refuse(arguments, ("max_rate", "patience"), "--from-kaggle")
    if arguments.target is None:
        raise UsageError("--from-folder needs `--target COLUMN`, the column of the table to predict")
    folder = new_folder("competition", arguments.name, home)
    raw = Path(arguments.from_folder).expanduser().absolute()
    _require_folder(raw)
    if arguments.metric is None:
        raise UsageError("--from-folder needs `--metric METRIC`, such as accuracy or RMSE; `mlebench list --metrics` lists all")
    origin = Origin(id=arguments.name, title=arguments.name, source="folder", metric=arguments.metric, target=arguments.target)
    with Progress(quiet=arguments.quiet) as display:
        drafted = _draft(arguments, raw, origin, folder, display)
    return _report(arguments, drafted)


def _draft(arguments: argparse.Namespace, raw: Path, origin: Origin, folder: Path, display: Progress) -> Drafted:
    from mlebench.scaffold.drafted import create_drafted

    try:
        return create_drafted(raw, origin, folder, registry_of(arguments), listener=display, tell=display.tell)
    except CannotDraft as error:
        stays = f"the data stays in {raw}; " if origin.source == "kaggle" else ""
        plain = command("new-competition", folder.name, "--into", folder.parent)
        raise CannotDraft(f"{error}; {stays}{plain} creates a folder whose `prepare.py` you write by hand") from None


def _report(arguments: argparse.Namespace, drafted: Drafted) -> int:
    """Print what was guessed and why, and what to do next."""
    from grading.printable import printable

    draft, folder = drafted.draft, drafted.folder
    print(f"created {folder}" + ("; guessed:" if draft.guesses else ""))
    for guess in draft.guesses:
        print(f"  {printable(guess.what)}: {printable(guess.why, None)}")
    if drafted.problem:
        print(f"no leaderboard of reference methods: {drafted.problem}")
    data_dir = registry_of(arguments).data_dir
    print(f"next: {command('check', folder, data_dir=data_dir)} lists what is left to do")
    given = ["--from", Path(arguments.from_folder).expanduser().absolute()] if arguments.from_folder else ["--keep-raw"]
    prepare = command("prepare", folder.name, *given, data_dir=data_dir).strip("`")
    print(f"then: `MLEBENCH_COMPETITIONS_PATH={shlex.quote(str(folder.parent))} {prepare}`")
    return 1 if drafted.problem else 0


def _refuse(arguments: argparse.Namespace, names: tuple[str, ...], place: str) -> None:
    """Refuse options that have no meaning without a source."""
    given = next((name for name in names if getattr(arguments, name) is not None), None)
    if given:
        raise UsageError(f"--{given.replace('_', '-')} goes with {place}")


def _refuse_address(arguments: argparse.Namespace) -> None:
    if "kaggle.com/" in arguments.name:
        raise UsageError(
            f"`{arguments.name}` is an address; {command('new-competition', arguments.name, '--from-kaggle')} "
            "downloads the competition"
        )


def _require_metric(name: str | None) -> None:
    from grading.metric_names import find_metric, refusal

    if name is not None and find_metric(name) is None:
        raise UsageError(f"--metric: {refusal(name)}")


def _require_writable(home: Path) -> None:
    """Refuse a folder that cannot be written before anything is downloaded."""
    place = next(path for path in (home, *home.parents) if path.exists())
    if not (place.is_dir() and os.access(place, os.W_OK)):
        raise UsageError(f"cannot write {place}; choose another folder with `--into`")


def _require_folder(raw: Path) -> None:
    from mlebench._support.hints import near_file

    if not raw.is_dir():
        what = "is not a folder" if raw.exists() else "does not exist"
        raise UsageError(f"--from-folder: {raw} {what}; {near_file(raw) or 'give the folder that holds your table'}")


def _transfer(arguments: argparse.Namespace) -> Transfer:
    from mlebench._support.quantities import parse_duration
    from mlebench.cli.options import rate_limit
    from mlebench.kaggle.transfer import Transfer

    patience = quantity("--patience", arguments.patience or _PATIENCE, parse_duration)
    return Transfer(patience, rate_limit(arguments.max_rate))
