from pathlib import Path

import numpy as np

from mlebench.data import Edition, LargeTable


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    patches = LargeTable.scan(raw / "train.csv")
    train, test = edition.split(np.arange(len(patches)), test_size=0.1)

    patches.write(train, public / "train.csv")
    patches.write(test, public / "test.csv", without=["Cover_Type"])
    patches.write(test, private / "test.csv")
    sample = {"Cover_Type": np.full(len(test), 2)}
    patches.write(test, public / "sample_submission.csv", only=["Id", "Cover_Type"], given=sample)
