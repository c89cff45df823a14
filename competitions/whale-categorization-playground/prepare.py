from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, link_files, read_csv, write_csv
from mlebench.data.groups import same_content

from .names import NEW_WHALE, SAMPLE_NAMES


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    photos = read_csv(raw / "train.csv")[["Image", "Id"]]
    side = draw_one_pair_per_whale(photos["Id"], edition)
    undecided = side.index[side.isna()]
    rest_train, rest_test = edition.split(undecided.to_numpy(), test_size=0.1)
    side[rest_train], side[rest_test] = "train", "test"
    if not edition.is_v1:
        content = pd.Series(same_content(raw / "train" / name for name in photos["Image"]), index=photos.index)
        side[content.isin(content[side == "train"])] = "train"
    train, test = photos[side == "train"], photos[side == "test"]
    test = test.assign(Id=test["Id"].where(test["Id"].isin(train["Id"]), NEW_WHALE))

    link_files(raw / "train", public / "train", train["Image"])
    link_files(raw / "train", public / "test", test["Image"])
    write_csv(train, public / "train.csv")
    write_csv(test, private / "test.csv")
    write_csv(test.assign(Id=SAMPLE_NAMES), public / "sample_submission.csv")


def draw_one_pair_per_whale(whales: pd.Series, edition: Edition) -> pd.Series:
    """One photo of each whale with several goes to train and one to test; whales with one photo go to test one time in ten.

    Returns:
        `train`, `test` or missing (undecided) for each photo.
    """
    side = pd.Series(None, index=whales.index, dtype=object)
    rng = np.random.default_rng(0) if edition.is_v1 else edition.rng("whales")
    for rows in whales.groupby(whales, sort=False).indices.values():
        if len(rows) > 1:
            # v1 restarts the same draw for each whale
            pair = np.random.RandomState(0).choice(len(rows), 2, replace=False) if edition.is_v1 else rng.permutation(len(rows))
            side.iloc[rows[pair[:2]]] = ["train", "test"]
        else:
            side.iloc[rows] = rng.choice(["train", "test"], replace=False, p=[1 - 0.1, 0.1])
    return side
