"""Tables of tokens are written with the bytes of pandas."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlebench.data import token_normalisation
from mlebench.data.tables import write_csv, write_zipped_csv
from mlebench.data.token_normalisation import write_quoted, write_zipped

NASTY = [
    "", '"', '""', 'a"b', ",", "a,b", "\n", "\r\n", "\t", "NA", "nan", " ", "1", "1.0", "%d", "%", "\\", "'", "é", "日本", "😀",
    "\u2028",
]  # fmt: skip


def tables() -> dict[str, pd.DataFrame]:
    draw = random.Random(0)
    texts = [draw.choice(NASTY) for _ in range(500)]
    gaps = [text if draw.random() < 0.8 else np.nan for text in texts]
    numbers = [draw.choice([0, 1, -5, 2**62, -(2**63)]) for _ in texts]
    plain = pd.DataFrame({"sentence_id": numbers, "class": texts, "before": gaps, "after": texts[::-1]})
    mixed: list[Any] = [draw.choice(["a", 1, 1.5, True, None, np.nan, '"']) for _ in texts]
    return {
        "plain": plain,
        "some rows": plain[plain["sentence_id"] > 0],
        "no rows": plain.head(0),
        "nothing but missing texts": plain.assign(after=pd.Series([np.nan] * 500, dtype=object)),
        "mixed": plain.assign(before=mixed),
        "none": plain.assign(before=pd.Series([None, "x"] * 250, dtype=object)),
        "floats": plain.assign(before=np.arange(500) / 7),
        "gaps in numbers": plain.assign(sentence_id=[np.nan, 1.0] * 250),
        "truths": plain.assign(before=[True, False] * 250),
        "whole numbers of 32 bits": plain.assign(sentence_id=np.arange(500, dtype=np.int32)),
    }


@pytest.mark.parametrize("name", tables())
@pytest.mark.parametrize("rows", [1, 7, 20_000])
def test_tables_have_the_bytes_of_pandas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, rows: int) -> None:
    monkeypatch.setattr(token_normalisation, "_ROWS", rows)
    table = tables()[name]
    write_quoted(table, tmp_path / "quick/a.csv")
    write_csv(table, tmp_path / "plain/a.csv", quoting=csv.QUOTE_NONNUMERIC)
    assert (tmp_path / "quick/a.csv").read_bytes() == (tmp_path / "plain/a.csv").read_bytes()
    write_zipped(table, tmp_path / "quick/a.csv.zip")
    write_zipped_csv(table, tmp_path / "plain/a.csv.zip", quoting=csv.QUOTE_NONNUMERIC)
    assert (tmp_path / "quick/a.csv.zip").read_bytes() == (tmp_path / "plain/a.csv.zip").read_bytes()
