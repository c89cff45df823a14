"""Data: what `prepare.py` and `mock.py` of a competition use, and what other programs call to get a data set.

What needs pandas, and what the engine does for programs written for the published harness, is imported when it is first used.

For competitions:

- tables: `read_csv`, `write_csv`, `write_zipped_csv`, `look_up`, `one_hot`, `take_groups`, `group_rows`
- tables too big for memory: `LargeTable`, `write_parts`, `parquet_parts`, `write_parquet`
- json: `read_json`, `read_json_lines`, `write_json_list`, `write_indented_json`
- splits: `Edition` (its `split` and `rng`), `test_count`
- files: `link`, `link_files`, `link_tree`
- tar archives: `read_tar`, `write_tar`, `tar_entries`, `TarEntry`
- archives: `extract`, `unpack_files`, `open_zip`, `open_member`, `write_zip`, `write_7z`, `Member`, `scratch`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlebench._support.lazy import hand_on
from mlebench.data.archives import (
    Member,
    TarEntry,
    extract,
    open_member,
    open_zip,
    read_tar,
    scratch,
    tar_entries,
    unpack_files,
    write_7z,
    write_tar,
    write_zip,
)
from mlebench.data.json_files import read_json, read_json_lines, write_indented_json, write_json_list
from mlebench.data.links import link, link_files, link_tree
from mlebench.registry.edition import Edition, test_count

if TYPE_CHECKING:
    from mlebench.data.groups import group_rows as group_rows
    from mlebench.data.groups import take_groups as take_groups
    from mlebench.data.large_tables import LargeTable as LargeTable
    from mlebench.data.large_tables import write_parts as write_parts
    from mlebench.data.parquet import parquet_parts as parquet_parts
    from mlebench.data.parquet import write_parquet as write_parquet
    from mlebench.data.tables import look_up as look_up
    from mlebench.data.tables import one_hot as one_hot
    from mlebench.data.tables import read_csv as read_csv
    from mlebench.data.tables import write_csv as write_csv
    from mlebench.data.tables import write_zipped_csv as write_zipped_csv

_HOMES = {
    "LargeTable": "mlebench.data.large_tables:LargeTable",
    "download_and_prepare_dataset": "mlebench.preparation.clients:download_and_prepare_dataset",
    "download_dataset": "mlebench.preparation.clients:download_dataset",
    "ensure_leaderboard_exists": "mlebench.preparation.clients:ensure_leaderboard_exists",
    "generate_checksums": "mlebench.utils:generate_checksums",
    "get_checksum": "mlebench.utils:get_checksum",
    "get_leaderboard": "mlebench.preparation.clients:get_leaderboard",
    "is_dataset_prepared": "mlebench.preparation.clients:is_dataset_prepared",
    "group_rows": "mlebench.data.groups:group_rows",
    "look_up": "mlebench.data.tables:look_up",
    "one_hot": "mlebench.data.tables:one_hot",
    "parquet_parts": "mlebench.data.parquet:parquet_parts",
    "read_csv": "mlebench.data.tables:read_csv",
    "take_groups": "mlebench.data.groups:take_groups",
    "write_csv": "mlebench.data.tables:write_csv",
    "write_parquet": "mlebench.data.parquet:write_parquet",
    "write_parts": "mlebench.data.large_tables:write_parts",
    "write_zipped_csv": "mlebench.data.tables:write_zipped_csv",
}

__all__ = [
    "Edition",
    "Member",
    "TarEntry",
    "extract",
    "link",
    "link_files",
    "link_tree",
    "open_member",
    "open_zip",
    "read_json",
    "read_json_lines",
    "read_tar",
    "scratch",
    "tar_entries",
    "test_count",
    "unpack_files",
    "write_7z",
    "write_indented_json",
    "write_json_list",
    "write_tar",
    "write_zip",
    *_HOMES,
]
__getattr__, __dir__ = hand_on(__name__, _HOMES)
