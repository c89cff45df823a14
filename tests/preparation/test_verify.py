"""Prepared data is checked again, by what kind of check is said, and unchanged files are not read twice."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlebench._support.checksums import ChecksumCache, md5
from mlebench.cli.main import main
from mlebench.preparation import make_mock, prepare
from mlebench.preparation.content_hash import content_hash
from mlebench.preparation.record import PreparationRecord
from mlebench.preparation.verify import verify_prepared
from mlebench.registry import Competition, Registry

TABLE = "spaceship-titanic"
PARQUET = "icecube-neutrinos-in-deep-ice"


@pytest.fixture
def prepared(registry: Registry, tmp_path: Path) -> Competition:
    return mocked(registry, TABLE, tmp_path)


def mocked(registry: Registry, name: str, tmp_path: Path) -> Competition:
    competition = registry.get_competition(name)
    make_mock(competition, tmp_path / "raw", size=60, seed=0)
    prepare(competition, tmp_path / "raw", mock=True)
    return competition


def test_untouched_data_passes_and_tells_the_kind_of_check(prepared: Competition) -> None:
    found = verify_prepared(prepared)
    assert not found.failed
    assert "4 by recorded md5" in str(found)


def test_a_changed_and_a_missing_file_are_told(prepared: Competition) -> None:
    (prepared.public_dir / "train.csv").write_text("other")
    (prepared.private_dir / "test.csv").unlink()
    found = verify_prepared(prepared)
    assert {check.path for check in found.failed} == {"public/train.csv", "private/test.csv"}
    assert "private/test.csv is missing" in str(found)


def test_published_sums_are_compared_where_the_data_is_real(prepared: Competition) -> None:
    record = prepared.prepared_dir / "prepared.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"mock": False}))
    kinds = {check.kind for check in verify_prepared(prepared).failed}
    assert kinds == {"published md5"}
    record.unlink()
    assert {check.kind for check in verify_prepared(prepared).failed} == {"published md5"}


def test_unchanged_files_come_from_the_cache_and_changed_ones_do_not(
    prepared: Competition, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr("mlebench._support.checksums.md5", lambda path: read.append(path.name) or md5(path))  # type: ignore[func-returns-value]
    verify_prepared(prepared)
    assert len(read) == 4
    verify_prepared(prepared)
    assert len(read) == 4
    changed = prepared.public_dir / "train.csv"
    os.utime(changed, (0, 0))
    verify_prepared(prepared)
    assert read[4:] == ["train.csv"]


def test_a_broken_cache_is_computed_anew(prepared: Competition) -> None:
    (prepared.root / ".checksums.json").write_text("[not json")
    assert not verify_prepared(prepared).failed
    with ChecksumCache.of(prepared.root) as cache:
        assert cache.md5(prepared.answers) == md5(prepared.answers)


def test_the_commands_tell_and_exit_with_1(prepared: Competition, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--data-dir", str(data_dir)]
    assert main(["prepare", TABLE, "--verify-only", *words]) == 0
    assert main(["status", "--verify", *words]) == 0
    assert main(["prepare", "leaf-classification", "--verify-only", *words]) == 2
    (prepared.public_dir / "train.csv").write_text("other")
    assert main(["prepare", TABLE, "--verify-only", *words]) == 1
    assert "public/train.csv differs (recorded md5" in capsys.readouterr().err
    assert main(["status", "--verify", "--json", *words]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert row["differs"] and {check["path"] for check in row["checks"] if not check["passed"]} == {"public/train.csv"}


def test_parquet_is_verified_by_content_whatever_wrote_it(registry: Registry, tmp_path: Path) -> None:
    competition = mocked(registry, PARQUET, tmp_path)
    record = PreparationRecord.read(competition.prepared_dir)
    assert record is not None
    tables = [path for path, value in record.checksums.items() if value.startswith("content:")]
    assert tables
    for path in tables:
        file = competition.prepared_dir / path
        pd.read_parquet(file).to_parquet(file, engine="pyarrow", compression="zstd", index=False, row_group_size=7)
    found = verify_prepared(competition)
    assert not found.failed and "by recorded content hash" in str(found)
    file = competition.prepared_dir / tables[0]
    pd.read_parquet(file).iloc[::-1].to_parquet(file, index=False)
    assert [check.path for check in verify_prepared(competition).failed] == [tables[0]]
    # a table that cannot be read at all does not stop the checks of the others
    file.write_bytes(b"PAR1 cut off")
    found = verify_prepared(competition)
    assert len(found.failed) == 1 and "found an unreadable file" in str(found)


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "number": rng.integers(0, 9, 500),
            "share": np.where(rng.random(500) < 0.1, np.nan, rng.random(500)),
            "word": rng.choice(["a", "bb", "", "ccc"], 500),
            "flag": rng.random(500) < 0.5,
            "day": pd.date_range("2020-01-01", periods=500, freq="h"),
        }
    )


def test_a_content_hash_depends_on_schema_and_values_alone(tmp_path: Path) -> None:
    def digest(frame: pd.DataFrame, **options: object) -> str:
        frame.to_parquet(tmp_path / "table.parquet", index=False, **options)  # type: ignore[call-overload]
        return content_hash(tmp_path / "table.parquet")

    expected = digest(table(), engine="pyarrow")
    assert digest(table(), engine="fastparquet") == expected
    assert digest(table(), engine="pyarrow", compression="gzip", row_group_size=13, use_dictionary=False) == expected
    assert digest(table().astype({"word": "category"}), engine="pyarrow") == expected
    assert digest(table().assign(share=table()["share"].fillna(0))) != expected
    assert digest(table().rename(columns={"word": "name"})) != expected
    assert digest(table().astype({"number": "int32"})) != expected
    assert digest(table().iloc[::-1]) != expected
    # shifting a letter to the neighbour keeps the bytes of the column, but not its values
    shifted = table()
    shifted.loc[:1, "word"] = ["ab", "c"]
    moved = table()
    moved.loc[:1, "word"] = ["a", "bc"]
    assert digest(shifted) != digest(moved)


def test_lists_and_nulls_have_a_content_hash(tmp_path: Path) -> None:
    def digest(values: list[object]) -> str:
        pd.DataFrame({"x": values}).to_parquet(tmp_path / "lists.parquet", engine="pyarrow", index=False)
        return content_hash(tmp_path / "lists.parquet")

    assert digest([[1, 2], [3]]) != digest([[1], [2, 3]])
    assert digest([[1], None]) != digest([[1], []])
    assert digest(["a", None]) != digest(["a", ""])
