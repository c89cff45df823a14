"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.competition import EditionName
    from mlebench.registry import Competition, Registry

Number = TypeVar("Number", int, float)


def add_data(parser: argparse.ArgumentParser) -> None:
    """`--data-dir`, `--edition` and `--split-key`."""
    parser.add_argument("--data-dir", metavar="D", help="where data lies (default: $MLEBENCH_DATA_DIR, else the user's cache)")
    parser.add_argument("--edition", choices=("v1", "v2"), default="v1", help="the published data (v1) or the mended (v2)")
    parser.add_argument(
        "--split-key",
        metavar="K",
        help="secret key that v2 is split with and research data is generated from, or the word `published` "
        "(default: $MLEBENCH_SPLIT_KEY)",
    )


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Competitions by id, by split or by list."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="competition ids")
    parser.add_argument("-c", "--competition-id", action="append", default=[], metavar="ID", help="a competition (repeatable)")
    parser.add_argument("--split", metavar="S", help="all competitions of a split: low, medium, high, all, dev, demo, research")
    parser.add_argument("--all", action="store_true", help="the 75 competitions of the benchmark (--split all)")
    parser.add_argument("--lite", action="store_true", help="the low split (--split low)")
    parser.add_argument("--list", metavar="FILE", help="a file with one id a line")


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout and nothing else")


def registry_of(arguments: argparse.Namespace) -> Registry:
    """The registry with the data directory and edition asked for."""
    from mlebench.registry import Registry

    key = getattr(arguments, "split_key", None) or os.environ.get("MLEBENCH_SPLIT_KEY")
    edition: EditionName = getattr(arguments, "edition", None) or "v1"
    registry = Registry().set_edition(edition, key)
    data_dir = getattr(arguments, "data_dir", None)
    return registry.set_data_dir(data_dir) if data_dir else registry


def selected(arguments: argparse.Namespace, registry: Registry) -> list[Competition]:
    """The competitions asked for, each once.

    Raises:
        UsageError: if none is asked for, or one does not exist.
    """
    ids = [*arguments.ids, *arguments.competition_id]
    split = "all" if arguments.all else "low" if arguments.lite else arguments.split
    if split:
        ids += registry.list_competition_ids(split)
    if arguments.list:
        ids += _listed(Path(arguments.list))
    if not ids:
        raise UsageError("name competitions by id, --split or --list; `mlebench list` shows all")
    return [registry.get_competition(competition_id) for competition_id in dict.fromkeys(ids)]


def quantity(option: str, text: str, parse: Callable[[str], Number]) -> Number:
    """The value of an option that takes a size or a duration.

    Raises:
        UsageError: naming the option and what it takes.
    """
    try:
        return parse(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def _listed(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the list {path}: {error}") from None
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
