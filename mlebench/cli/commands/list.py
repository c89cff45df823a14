"""List competitions with split, modality, metric and direction.

examples:
  mlebench list
  mlebench list --split low --modality image
  mlebench list --split research --json
"""

from __future__ import annotations

import argparse

from mlebench.cli.options import add_json, add_split
from mlebench.cli.output import print_json, print_table


def configure(parser: argparse.ArgumentParser) -> None:
    add_split(parser, "only the competitions of a split (default: Kaggle's 82)")
    parser.add_argument("--modality", metavar="M", help="only one modality: tabular, text, image, audio, signal, …")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.registry import Registry
    from mlebench.registry.lists import ids_of_split

    registry = Registry()
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
