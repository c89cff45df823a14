from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, link_files, link_tree, read_csv, write_csv
from mlebench.data.groups import same_content, united
from mlebench.data.raw_faults import damaged

from .votes import VOTES

PIECE = [
    "label_id",
    "eeg_id",
    "eeg_label_offset_seconds",
    "spectrogram_id",
    "spectrogram_label_offset_seconds",
    "patient_id",
]


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    labels = read_csv(raw / "train.csv")
    train, test = split(labels, raw / "train_eegs", edition)
    key = "eeg_id" if edition.is_v1 else "label_id"
    check(train, test, key)
    gold = test[[key]].join(test[VOTES].div(test[VOTES].sum(axis=1), axis=0))

    write_csv(train, public / "train.csv")
    write_csv(test, private / "test.csv")
    write_csv(test[["spectrogram_id", "eeg_id", "patient_id"] if edition.is_v1 else PIECE], public / "test.csv")
    write_csv(gold, private / "gold_submission.csv")
    write_csv(gold.assign(**dict.fromkeys(VOTES, 1 / 6)), public / "sample_submission.csv")

    link_tree(raw / "example_figures", public / "example_figures")
    for part, rows in (("train", train), ("test", test)):
        for kind in ("eeg", "spectrogram"):
            names = (f"{number}.parquet" for number in rows[f"{kind}_id"].unique())
            link_files(raw / f"train_{kind}s", public / f"{part}_{kind}s", names)


def check(train: pd.DataFrame, test: pd.DataFrame, key: str) -> None:
    """Properties of the published files that the grader relies on."""
    for column in ("eeg_id", "spectrogram_id"):
        if train[column].isin(test[column]).any():
            raise damaged("train.csv", f"some {column} would be in train and test")
    if (test[VOTES].sum(axis=1) <= 0).any():
        raise damaged("train.csv", "some rows have no votes")
    if key == "label_id" and test[key].duplicated().any():
        raise damaged("train.csv", "a label_id occurs twice")


def split(labels: pd.DataFrame, eegs: Path, edition: Edition) -> tuple[pd.DataFrame, pd.DataFrame]:
    """v1 splits by spectrogram, v2 by patient and shared EEG; rows keep the file order."""
    if edition.is_v1:
        groups = labels["spectrogram_id"].unique()
        in_test = labels["spectrogram_id"].isin(edition.split(groups, test_size=0.1)[1])
    else:
        numbers = labels["eeg_id"].unique()
        content = dict(zip(numbers, same_content(eegs / f"{number}.parquet" for number in numbers), strict=True))
        groups = united(labels["patient_id"], labels["eeg_id"].map(content))
        rows = edition.split(np.arange(len(labels)), test_size=0.1, groups=groups)[1]
        in_test = np.isin(np.arange(len(labels)), rows)
    return labels[~in_test], labels[in_test]
