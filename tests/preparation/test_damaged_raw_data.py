"""Raw data that is damaged in any file and any way is prepared or refused by a public error, in every competition.

Each competition gets a few of its raw files damaged, one at a time: one of each kind of file, in a way that depends on its name,
so that over all competitions every kind of file meets every kind of damage.
"""

from __future__ import annotations

import csv
import importlib
import json
import locale
import logging
import os
import random
import socket
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlebench.errors import RawDataFault
from mlebench.preparation import is_prepared, make_mock, prepare
from mlebench.registry import SPLITS, Registry

IDS = [name for split in SPLITS if split != "all" for name in Registry().list_competition_ids(split)]
DAMAGES = {
    "cut": lambda content: content[: len(content) // 2],
    "emptied": lambda content: b"",
    "garbage": lambda content: bytes((place * 37 + 11) % 256 for place in range(min(len(content), 5000))),
    "removed": lambda content: None,
    "other shape": lambda content: b'[{"a": [1, {"b": null}]}]',
    "one byte": lambda content: content[: len(content) // 2] + b"\xff" + content[len(content) // 2 + 1 :],
    "header only": lambda content: content.partition(b"\n")[0] + b"\n",
}
MOST_FILES = 4
LARGEST = 5_000_000


def chosen(raw: Path) -> list[Path]:
    """A few raw files, of as many kinds (suffix and folder) as there are."""
    files = sorted(path for path in raw.rglob("*") if path.is_file() and path.stat().st_size <= LARGEST)
    kinds: dict[tuple[str, str], Path] = {}
    for path in files:
        kinds.setdefault((path.suffix, path.name if path.parent == raw else ""), path)
    return sorted(kinds.values(), key=lambda path: zlib.crc32(path.relative_to(raw).as_posix().encode()))[:MOST_FILES]


def damage_of(name: str, path: Path) -> str:
    return list(DAMAGES)[zlib.crc32(f"{name}/{path.name}".encode()) % len(DAMAGES)]


def state_of_the_process() -> dict[str, object]:
    """Everything global that preparing must leave as it was."""
    umask = os.umask(0)
    os.umask(umask)
    return {
        "warning filters": list(warnings.filters),
        "numpy errors": np.geterr(),
        "numpy printing": {key: str(value) for key, value in np.get_printoptions().items()},
        "pandas options": {key: pd.get_option(key) for key in ("mode.copy_on_write", "display.max_rows", "mode.string_storage")},
        "numpy random state": hash(np.random.get_state()[1].tobytes()),  # type: ignore[union-attr]
        "random state": hash(random.getstate()),
        "locale": locale.setlocale(locale.LC_ALL),
        "umask": umask,
        "environment": dict(os.environ),
        "working folder": Path.cwd(),
        "log level": logging.getLogger().level,
        "log handlers": list(logging.getLogger().handlers),
        "field size": csv.field_size_limit(),
        "recursion": sys.getrecursionlimit(),
        "socket timeout": socket.getdefaulttimeout(),
        "json encoder": json._default_encoder,  # type: ignore[attr-defined]
    }


@pytest.fixture(scope="module", autouse=True)
def libraries(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What libraries do to the process when they are first imported is done before anything is compared."""
    importlib.import_module("scipy.special")
    for name in ("scipy.special", "scipy.sparse", "sklearn.model_selection"):
        importlib.import_module(name)
    folder = tmp_path_factory.mktemp("libraries")
    competition = Registry(folder / "data").get_competition("aerial-cactus-identification")
    make_mock(competition, folder / "raw", size=60, seed=1)
    prepare(competition, folder / "raw", mock=True)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in IDS])
def test_damage_is_refused_by_a_public_error_or_does_not_matter(name: str, tmp_path: Path) -> None:
    competition = Registry(tmp_path / "data").get_competition(name)
    if competition.facts.generated:
        pytest.skip("it needs no raw data")
    raw = tmp_path / "raw"
    make_mock(competition, raw, size=60, seed=1)
    before = state_of_the_process()
    for path in chosen(raw):
        sound = path.read_bytes()
        damaged = DAMAGES[damage_of(name, path)](sound)
        path.unlink()
        if damaged is not None:
            path.write_bytes(damaged)
        try:
            prepare(competition, raw, mock=True)
            assert is_prepared(competition)
        except RawDataFault as error:
            assert str(error) and "\n" not in str(error)
        finally:
            path.unlink(missing_ok=True)
            path.write_bytes(sound)
        assert not list(competition.root.glob(".partial-*"))
    assert state_of_the_process() == before


def test_every_kind_of_damage_is_met(tmp_path: Path) -> None:
    names = ["train.csv", "test.csv", "train.json", "train.zip", "images/1.jpg", "sample_submission.csv"]
    assert {damage_of(name, Path(path)) for name in IDS for path in names} == set(DAMAGES)
