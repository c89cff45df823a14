from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, link, link_files, parquet_parts, test_count, write_parquet, write_parts
from mlebench.data.raw_faults import some_missing

ANGLES = ["azimuth", "zenith"]


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    meta = raw / "train_meta.parquet"
    events = pd.concat(part["batch_id"].value_counts(sort=False) for part in parquet_parts(meta, columns=["batch_id"]))
    batches = pd.unique(events.index)
    train, test = edition.split(batches, test_size=0.1 if edition.is_v1 else test_count(len(batches), 5))

    def rows_of(chosen: np.ndarray) -> int:
        return int(events[events.index.isin(chosen)].sum())

    def events_of(chosen: np.ndarray) -> Iterator[pd.DataFrame]:
        return (part[part["batch_id"].isin(chosen)] for part in parquet_parts(meta))

    write_parquet(events_of(train), rows_of(train), public / "train_meta.parquet")
    write_parquet((part.drop(columns=ANGLES) for part in events_of(test)), rows_of(test), public / "test_meta.parquet")
    write_parts((part[["event_id", *ANGLES]] for part in events_of(test)), private / "test.csv")
    sample = (part[["event_id"]].assign(azimuth=1, zenith=1) for part in events_of(test))
    write_parts(sample, public / "sample_submission.csv")

    link(raw / "sensor_geometry.csv", public / "sensor_geometry.csv")
    files = find_batches(raw / "train")
    for part, chosen in (("train", train), ("test", test)):
        if lacking := sorted(set(chosen) - set(files)):
            raise some_missing([f"batch_{batch}.parquet" for batch in lacking], raw / "train")
        link_files(raw / "train", public / part, (files[batch] for batch in chosen))


def find_batches(folder: Path) -> dict[int, str]:
    """File names by the number of the batch, the last part of the name; files without a number are not batches."""
    numbers = ((path.stem.rsplit("_", 1)[-1], path.name) for path in folder.glob("*.parquet"))
    return {int(number): name for number, name in numbers if number.isdecimal()}
