from pathlib import Path

import numpy as np

from mlebench.data import Edition, LargeTable, link, test_count, write_csv

from .fares import SAMPLE_FARE


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    rides = LargeTable.scan(raw / "train.csv")
    train, test_rows = edition.split(np.arange(len(rides)), test_size=test_count(len(rides), 9914))
    test = rides.take(test_rows)

    rides.write(train, public / ("labels.csv" if edition.is_v1 else "train.csv"))
    write_csv(test.drop(columns="fare_amount"), public / "test.csv")
    write_csv(test, private / "test.csv")
    write_csv(test[["key"]].assign(fare_amount=SAMPLE_FARE), public / "sample_submission.csv")
    link(raw / "GCP-Coupons-Instructions.rtf", public / "GCP-Coupons-Instructions.rtf")
