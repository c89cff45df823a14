"""List competitions with split, modality, metric and direction, the suites on MLEBENCH_COMPETITIONS_PATH, or metrics by name.

examples:
  mlebench list
  mlebench list --split low --modality image
  mlebench list --split research --json
  mlebench list --suites
  mlebench list --metrics
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mlebench.cli.options import add_json, add_split
from mlebench.cli.output import print_json, print_table
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.registry import Registry


def configure(parser: argparse.ArgumentParser) -> None:
    add_split(parser, "only the competitions of a split (default: Kaggle's 82)")
    parser.add_argument("--modality", metavar="M", help="only one modality: tabular, text, image, audio, signal, …")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--suites", action="store_true", help="list your suites, with version and splits, instead of competitions"
    )
    instead.add_argument(
        "--metrics", action="store_true", help="list the metrics that new-competition knows by name, instead of competitions"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.registry import Registry
    from mlebench.registry.lists import ids_of_split

    for listed in ("suites", "metrics"):
        if getattr(arguments, listed) and (arguments.split or arguments.modality):
            given = "--split" if arguments.split else "--modality"
            raise UsageError(f"`--{listed}` lists {listed}, not competitions; leave out `{given}`")
    if arguments.metrics:
        return _list_metrics(arguments)
    registry = Registry()
    if arguments.suites:
        return _list_suites(registry, arguments)
    ids = ids_of_split(arguments.split, registry) if arguments.split else registry.list_competition_ids()
    entries = [registry.get_competition(name) for name in ids]
    chosen = [entry for entry in entries if arguments.modality in (None, entry.modality)]
    rows = [
        {
            "id": entry.id,
            "title": entry.title,
            "version": entry.facts.version,
            "split": entry.split,
            "modality": entry.modality,
            "task": entry.facts.task,
            "metric": entry.metric,
            "direction": entry.direction,
            "download_gb": entry.facts.download_gb,
        }
        for entry in chosen
    ]
    if arguments.json:
        print_json(rows)
    else:
        print_table(
            ["id", "split", "modality", "metric", "direction"],
            [[row["id"], row["split"], row["modality"], row["metric"], row["direction"]] for row in rows],
        )
    return 0


def _list_suites(registry: Registry, arguments: argparse.Namespace) -> int:
    suites = registry.suites()
    if arguments.json:
        print_json(
            [
                {
                    "name": suite.name,
                    "version": suite.facts.version,
                    "description": suite.facts.description,
                    "folder": str(suite.folder),
                    "splits": {name: list(ids) for name, ids in suite.splits.items()},
                }
                for suite in suites
            ]
        )
    elif not suites:
        print("there is no suite; a folder on MLEBENCH_COMPETITIONS_PATH is one if it contains a `suite.yaml`")
    else:
        rows = [[name, suite.facts.version, len(ids)] for suite in suites for name, ids in suite.splits.items()]
        print_table(["split", "version", "competitions"], rows)
    return 0


def _list_metrics(arguments: argparse.Namespace) -> int:
    from grading.metric_names import NAMES

    if arguments.json:
        print_json(
            [
                {"name": each.name, "aliases": list(each.aliases), "direction": each.direction, "submission": each.submits}
                for each in NAMES
            ]
        )
    else:
        head = ["metric", "better", "a submission holds", "also known as"]
        better = {"maximize": "higher", "minimize": "lower"}
        print_table(head, [[each.name, better[each.direction], each.submits, ", ".join(each.aliases[:3])] for each in NAMES])
    return 0
