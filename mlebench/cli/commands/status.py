"""Show what is prepared, in which edition, verified or not, and how large; and what is unfinished.

examples:
  mlebench status --split low
  mlebench status --verify
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from mlebench._support.folders import folder_size
from mlebench._support.quantities import show_size
from mlebench.cli.options import add_data_dir, add_json, add_split, registry_of
from mlebench.cli.output import print_json, print_table
from mlebench.errors import MlebenchError

if TYPE_CHECKING:
    from mlebench.registry import Competition, Registry


def configure(parser: argparse.ArgumentParser) -> None:
    add_split(parser, "only the competitions of a split")
    add_data_dir(parser)
    parser.add_argument("--verify", action="store_true", help="check what is prepared again; exit code 1 if anything differs")
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
    from mlebench.preparation.record import is_prepared

    try:
        editions = registry.in_each_edition(competition_id)
        if not editions[0].root.exists():
            return []
        rows = [_prepared(competition, verify=verify) for competition in editions if is_prepared(competition)]
        return rows or _half_way(editions[0])
    except (MlebenchError, OSError) as error:
        print(f"mlebench status: {competition_id} is left out: {error}", file=sys.stderr)
        return []


def _prepared(competition: Competition, *, verify: bool) -> dict[str, Any]:
    from mlebench.preparation.record import PreparationRecord

    record = PreparationRecord.read(competition.prepared_dir)
    changed = record.changed(competition.prepared_dir) if record else []
    row: dict[str, Any] = {
        "id": competition.id,
        "edition": competition.edition.name,
        "state": "prepared",
        "verified": record.verified if record else None,
        "mock": record.mock if record else None,
        "odd_counts": record.odd_counts if record else [],
        "changed": changed,
        "split_key_hash": record.split_key_hash if record else None,
        "competition_version": record.competition_version if record else None,
        "current": record is None or record.fits_version(competition.facts.version),
        "bytes": folder_size(competition.prepared_dir),
        "path": str(competition.prepared_dir),
    }
    if verify:
        from mlebench.preparation.verify import verify_prepared

        found = verify_prepared(competition)
        row |= {
            "checks": [{"path": check.path, "kind": check.kind, "passed": check.passed} for check in found.checks],
            "differs": bool(found.failed),
            "verification": str(found),
        }
    return row


def _half_way(competition: Competition) -> list[dict[str, Any]]:
    from mlebench.kaggle.download import archive_path
    from mlebench.kaggle.partial_file import bytes_there
    from mlebench.preparation.sources import has_raw, is_damaged

    archive = archive_path(competition)
    row: dict[str, Any] = {"id": competition.id, "edition": None, "verified": None, "mock": None, "split_key_hash": None}
    raw = competition.raw_dir
    damaged = is_damaged(raw)
    if not competition.facts.generated and (damaged or has_raw(competition)):
        state = "damaged raw data" if damaged else "raw data"
        return [row | {"state": state, "bytes": folder_size(raw), "path": str(raw)}]
    if archive.exists():
        return [row | {"state": "downloaded", "bytes": archive.stat().st_size, "path": str(archive)}]
    if size := bytes_there(archive):
        return [row | {"state": "download begun", "bytes": size, "path": str(archive.parent)}]
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
