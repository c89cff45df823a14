"""Show what is prepared, in which edition, verified or not, and how large.

example: mlebench status --split low
"""

from __future__ import annotations

import argparse

from mlebench.cli.options import add_json, registry_of
from mlebench.cli.output import human_size, print_json, print_table


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--split", metavar="S", help="low, medium, high, all, dev, demo or research")
    parser.add_argument("--data-dir", metavar="D", help="where data lies (default: $MLEBENCH_DATA_DIR, else the user's cache)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.data.preparation import PreparationRecord, folder_size, is_prepared
    from mlebench.registry import SPLITS

    registry = registry_of(arguments)
    splits = [arguments.split] if arguments.split else [name for name in SPLITS if name != "all"]
    rows = []
    for competition_id in [name for split in splits for name in registry.list_competition_ids(split)]:
        for edition in ("v1", "v2"):
            competition = registry.set_edition(edition).get_competition(competition_id)
            if not is_prepared(competition):
                continue
            record = PreparationRecord.read(competition.prepared_dir)
            rows.append(
                {
                    "id": competition_id,
                    "edition": edition,
                    "verified": record.verified if record else None,
                    "mock": record.mock if record else None,
                    "split_key_hash": record.split_key_hash if record else None,
                    "bytes": folder_size(competition.prepared_dir),
                    "path": str(competition.prepared_dir),
                }
            )
    if arguments.json:
        print_json(rows)
    elif not rows:
        print(f"nothing is prepared in {registry.data_dir}; `mlebench prepare ID` prepares a competition")
    else:
        print_table(
            ["id", "edition", "state", "size"],
            [
                [row["id"], row["edition"], _state(row["verified"], row["mock"]), human_size(float(str(row["bytes"])))]
                for row in rows
            ],
        )
    return 0


def _state(verified: object, mock: object) -> str:
    if verified is None:
        return "prepared by another harness"
    return "mock" if mock else "verified" if verified else "not verified"
