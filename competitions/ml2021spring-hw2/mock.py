from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv

PHONEMES, COEFFICIENTS, CONTEXT = 39, 39, 5


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    folder = raw / "timit_11" / "timit_11"
    folder.mkdir(parents=True)
    test_size = size * 37 // 100
    features, labels = make_speech(rng, size + test_size)
    np.save(folder / "train_11.npy", features[:size])
    np.save(folder / "train_label_11.npy", labels[:size].astype("<U2"))
    np.save(folder / "test_11.npy", features[size:])
    write_csv(pd.DataFrame({"Id": range(test_size), "ClassId": 0}), raw / "sampleSubmission.csv")


def make_speech(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames of phonemes of several frames each, every row with five frames before and after its own."""
    labels = np.repeat(rng.integers(0, PHONEMES, count), rng.integers(2, 9, count))[:count]
    frames = rng.normal(labels[:, None] / PHONEMES, 1, (count, COEFFICIENTS)).astype(np.float32)
    around = np.clip(np.arange(count)[:, None] + np.arange(-CONTEXT, CONTEXT + 1), 0, count - 1)
    return frames[around].reshape(count, -1), labels
