"""List prepared competitions: edition, verification and size, and downloads that are not prepared yet.

Exit code 1 if `--verify` finds a difference, else 0.

examples:
  mlebench status
  mlebench status --split low --json
  mlebench status --verify
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from mlebench._support.quantities import show_size
from mlebench.cli.options import add_data_dir, add_json, add_split, registry_of
from mlebench.cli.output import print_json, print_table
from mlebench.errors import MlebenchError

if TYPE_CHECKING:
    from mlebench.registry import Registry


def configure(parser: argparse.ArgumentParser) -> None:
    add_split(parser, "only the competitions of a split")
    parser.add_argument("--verify", action="store_true", help="verify the prepared files again")
    add_data_dir(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.registry.lists import ids_of_split

    registry = registry_of(arguments)
    if arguments.split:
        ids = ids_of_split(arguments.split, registry)
    else:
        ids = [name for of_split in registry.ids_by_split().values() for name in of_split]
    rows = [row for competition_id in ids for row in _rows(registry, competition_id, verify=arguments.verify)]
    if arguments.json:
        print_json(rows)
    elif not rows:
        print(f"nothing is prepared in {registry.data_dir}; `mlebench prepare ID` prepares a competition")
    else:
        print_table(
            ["id", "edition", "state", "size"],
            [[row["id"], row["edition"], _in_words(row), show_size(row["bytes"])] for row in rows],
        )
    return 1 if any(row.get("differs") for row in rows) else 0


def _rows(registry: Registry, competition_id: str, *, verify: bool) -> list[dict[str, Any]]:
    from mlebench.preparation.status import status_of

    try:
        return [entry.to_dict() for entry in status_of(registry, competition_id, verify=verify)]
    except (MlebenchError, OSError) as error:
        print(f"mlebench status: {competition_id} is left out: {error}", file=sys.stderr)
        return []


def _in_words(row: dict[str, Any]) -> str:
    if row["state"] != "prepared":
        return f"{row['state']}, not prepared"
    if not row["current"]:
        return "prepared from another version of the competition"
    if "verification" in row:
        return str(row["verification"])
    if row["changed"]:
        more = f" and {len(row['changed']) - 1} more" if len(row["changed"]) > 1 else ""
        return f"changed since it was prepared: {row['changed'][0]}{more}; `mlebench status --verify` checks it"
    if row["verified"] is None:
        return "prepared by another harness"
    if row["mock"]:
        return "mock data"
    odd = f": {'; '.join(row['odd_counts'][:3])}" if row["odd_counts"] else ""
    return ("verified" if row["verified"] else "not verified") + odd
