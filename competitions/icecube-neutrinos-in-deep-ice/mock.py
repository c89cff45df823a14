from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import gapped_ids

SENSORS = 5160
LONGEST_EVENT = 6


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    batches = 20
    meta = make_events(rng, size + size // 10, batches + 2)
    geometry = pd.DataFrame({"sensor_id": range(SENSORS), **{axis: rng.uniform(-570, 570, SENSORS).round(2) for axis in "xyz"}})
    train, test = meta[meta["batch_id"] <= batches], meta[meta["batch_id"] > batches].drop(columns=["azimuth", "zenith"])
    write_csv(geometry, raw / "sensor_geometry.csv")
    for name, events in (("train", train), ("test", test)):
        events.to_parquet(raw / f"{name}_meta.parquet", index=False)
        (raw / name).mkdir()
        for batch, of_batch in events.groupby("batch_id"):
            make_pulses(rng, of_batch).to_parquet(raw / name / f"batch_{batch}.parquet")
    sample = test[["event_id"]].assign(azimuth=1.0, zenith=1.0)
    sample.to_parquet(raw / "sample_submission.parquet", index=False)


def make_events(rng: np.random.Generator, count: int, batches: int) -> pd.DataFrame:
    """Events grouped by batch, with the rows of their pulses in the file of the batch."""
    batch = np.sort(np.arange(count) % batches) + 1
    pulses = rng.integers(1, LONGEST_EVENT + 1, count)
    end = pd.Series(pulses).groupby(batch).cumsum().to_numpy()
    return pd.DataFrame(
        {
            "batch_id": batch,
            "event_id": gapped_ids(rng, count, 100 * count),
            "first_pulse_index": end - pulses,
            "last_pulse_index": end - 1,
            "azimuth": rng.uniform(0, 2 * np.pi, count),
            "zenith": np.arccos(rng.uniform(-1, 1, count)),
        }
    )


def make_pulses(rng: np.random.Generator, events: pd.DataFrame) -> pd.DataFrame:
    lengths = events["last_pulse_index"] - events["first_pulse_index"] + 1
    count = int(lengths.sum())
    return pd.DataFrame(
        {
            "sensor_id": rng.integers(0, SENSORS, count).astype(np.int16),
            "time": rng.integers(5_000, 20_000, count),
            "charge": rng.gamma(1, 1, count).astype(np.float16).astype(np.float64),
            "auxiliary": rng.random(count) < 0.7,
        },
        index=pd.Index(np.repeat(events["event_id"], lengths), name="event_id"),
    )
