"""Parquet tables in parts have the bytes of tables written at once."""

import numpy as np
import pandas as pd
import pytest

from mlebench.data import parquet_parts, write_parquet
from mlebench.errors import WorkFailed

pytest.importorskip("fastparquet")
pytest.importorskip("pyarrow")


@pytest.mark.parametrize("part_rows", [1, 7, 60, 100])
@pytest.mark.parametrize("group_rows", [7, 25, 1000])
def test_parts_give_the_bytes_of_the_whole(tmp_path, part_rows, group_rows):
    table = pd.DataFrame({"event_id": np.arange(60), "azimuth": np.linspace(0, 1, 60), "name": ["x"] * 60})
    table.to_parquet(tmp_path / "whole.parquet", engine="fastparquet", index=False, row_group_offsets=group_rows)
    parts = parquet_parts(tmp_path / "whole.parquet", part_rows=part_rows)
    write_parquet(parts, len(table), tmp_path / "parts.parquet", group_rows=group_rows)
    assert (tmp_path / "parts.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_missing_and_damaged_files_are_named(tmp_path):
    with pytest.raises(WorkFailed, match=r"absent\.parquet is missing"):
        list(parquet_parts(tmp_path / "absent.parquet"))
    (tmp_path / "bad.parquet").write_bytes(b"PAR1nothing")
    with pytest.raises(WorkFailed, match=r"bad\.parquet cannot be read"):
        list(parquet_parts(tmp_path / "bad.parquet"))
