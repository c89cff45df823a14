"""Data: what `prepare.py` and `mock.py` of a competition use, and what other programs call to get a data set.

For competitions:

- tables: `read_csv`, `write_csv`, `write_zipped_csv`, `look_up`, `one_hot`, `take_groups`
- tables too big for memory: `LargeTable`, `write_parts`,
  `parquet_parts`, `write_parquet`
- json: `read_json`, `read_json_lines`, `write_json_list`, `write_indented_json`
- splits: `Edition` (its `split` and `rng`), `test_count`
- files: `link`, `link_files`, `link_tree`
- tar archives: `read_tar`, `write_tar`, `tar_entries`, `TarEntry`
- archives: `extract`, `unpack_files`, `open_zip`, `open_member`, `write_zip`, `write_7z`, `Member`, `scratch`
"""

from __future__ import annotations

import importlib
from typing import Any

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

_LAZY = {
    "one_hot": "mlebench.data.tables",
    "look_up": "mlebench.data.tables",
    "read_csv": "mlebench.data.tables",
    "write_csv": "mlebench.data.tables",
    "write_zipped_csv": "mlebench.data.tables",
    "take_groups": "mlebench.data.groups",
    "LargeTable": "mlebench.data.large_tables",
    "write_parts": "mlebench.data.large_tables",
    "parquet_parts": "mlebench.data.parquet",
    "write_parquet": "mlebench.data.parquet",
    "download_and_prepare_dataset": "mlebench.preparation.clients",
    "download_dataset": "mlebench.preparation.clients",
    "get_leaderboard": "mlebench.preparation.clients",
    "is_dataset_prepared": "mlebench.preparation.clients",
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
    *_LAZY,
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
