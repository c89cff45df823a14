from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, LargeTable, test_count, write_csv


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    observations = LargeTable.scan(raw / "train.csv")
    count = len(observations)
    train, test = edition.split(np.arange(count), test_size=test_count(count, 100_000))
    train_ids, test_ids = np.split(np.arange(count), [len(train)])

    observations.write(train, public / "train.csv", given={"id": train_ids})
    observations.write(test, public / "test.csv", given={"id": test_ids}, without=["target"])
    write_csv(pd.DataFrame({"id": test_ids, "target": 0.5}), public / "sample_submission.csv")
    observations.write(test, private / "test.csv", given={"id": test_ids})
    observations.write(test, private / "gold_submission.csv", given={"id": test_ids}, only=["id", "target"])
