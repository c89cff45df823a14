"""A file that is not there yet: its path may be looked at, and whoever opens it learns which command helps."""

from __future__ import annotations

import pickle
from pathlib import Path

import pandas as pd
import pytest

from mlebench.errors import UsageError
from mlebench.registry.client_paths import MissingFile


def test_it_is_a_path_like_others(tmp_path: Path) -> None:
    path = tmp_path / "board.csv"
    missing = MissingFile.of(path, "run `this`")
    assert isinstance(missing, Path)
    assert str(missing) == str(path)
    assert (missing.name, missing.suffix, str(missing.parent)) == ("board.csv", ".csv", str(tmp_path))
    assert not missing.exists() and not missing.is_file()
    assert missing.parent.exists()
    assert (missing.parent / "other").exists() is False
    assert str(pickle.loads(pickle.dumps(missing))) == str(path)


def test_whoever_opens_it_is_told_what_helps(tmp_path: Path) -> None:
    missing = MissingFile.of(tmp_path / "board.csv", "there is no board; `fetch board` gets it")
    for read in (pd.read_csv, open, Path.read_text, Path.read_bytes, Path.stat):
        with pytest.raises(UsageError, match="`fetch board` gets it"):
            read(missing)


def test_it_exists_once_somebody_has_written_it(tmp_path: Path) -> None:
    missing = MissingFile.of(tmp_path / "board.csv", "run `this`")
    (tmp_path / "board.csv").write_text("score\n1\n")
    assert missing.exists() and missing.is_file()
