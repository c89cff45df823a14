from pathlib import Path

import pandas as pd

from mlebench.data import Edition, read_csv, take_groups, write_csv

TEN_DIGITS = {"float_format": "%.10g"}


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    steps = read_csv(raw / "train.csv")
    train_breaths, test_breaths = edition.split(steps["breath_id"].drop_duplicates().sort_values(), test_size=0.1)
    train = renumber(take_groups(steps, "breath_id", train_breaths), edition)
    test = renumber(take_groups(steps, "breath_id", test_breaths), edition)

    write_csv(train, public / "train.csv", **TEN_DIGITS)
    write_csv(test.drop(columns="pressure"), public / "test.csv", **TEN_DIGITS)
    write_csv(test, private / "test.csv", **TEN_DIGITS)
    write_csv(test[["id"]].assign(pressure=0), public / "sample_submission.csv")


def renumber(steps: pd.DataFrame, edition: Edition) -> pd.DataFrame:
    """Number rows from 1; in v2 breaths too, whose numbers in Kaggle's public files would tell the pressure."""
    steps = steps.assign(id=range(1, len(steps) + 1))
    return steps if edition.is_v1 else steps.assign(breath_id=pd.factorize(steps["breath_id"])[0] + 1)
