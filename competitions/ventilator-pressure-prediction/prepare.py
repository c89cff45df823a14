from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, LargeTable, group_rows, write_csv

TEN_DIGITS = "%.10g"


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    steps = LargeTable.scan(raw / "train.csv")
    breaths = steps.columns(["breath_id"])["breath_id"]
    train_breaths, test_breaths = edition.split(breaths.drop_duplicates().sort_values(), test_size=0.1)
    train, test = group_rows(breaths, train_breaths), group_rows(breaths, test_breaths)
    train_numbers, test_numbers = (numbers(breaths.iloc[rows], edition) for rows in (train, test))

    steps.write(train, public / "train.csv", given=train_numbers, float_format=TEN_DIGITS)
    steps.write(test, public / "test.csv", given=test_numbers, without=["pressure"], float_format=TEN_DIGITS)
    steps.write(test, private / "test.csv", given=test_numbers, float_format=TEN_DIGITS)
    write_csv(pd.DataFrame({"id": test_numbers["id"], "pressure": 0}), public / "sample_submission.csv")


def numbers(breaths: pd.Series, edition: Edition) -> dict[str, np.ndarray]:
    """Rows are numbered from 1; in v2 also breaths, whose numbers in Kaggle's public files would reveal the pressure."""
    rows = {"id": np.arange(1, len(breaths) + 1)}
    return rows if edition.is_v1 else {**rows, "breath_id": pd.factorize(breaths)[0] + 1}
