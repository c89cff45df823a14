from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, write_csv
from mlebench.data.raw_faults import unreadable

PART_ROWS = 100_000
SHARED_FRAMES = 10
"""Two rows share a frame if they are at most this far apart."""


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    arrays, target = raw / "timit_11" / "timit_11", public / "timit_11" / "timit_11"
    features, labels = load(arrays / "train_11.npy"), load(arrays / "train_label_11.npy")
    given = len(load(arrays / "test_11.npy"))
    train, test = split_frames(len(features), given / (len(features) + given), edition)

    target.mkdir(parents=True)
    save_rows(features, train, target / "train_11.npy")
    save_rows(labels, train, target / "train_label_11.npy")
    save_rows(features, test, target / "test_11.npy")
    answers = pd.DataFrame({"Id": range(len(test)), "ClassId": labels[test]})
    write_csv(answers, private / "answers.csv")
    write_csv(answers.assign(ClassId=0), public / "sampleSubmission.csv")


def split_frames(count: int, test_share: float, edition: Edition) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of train and test; in v2 the test set is one stretch, and rows that share a frame with it are omitted."""
    train, test = edition.split(np.arange(count), test_size=test_share)
    if edition.is_v1:
        return train, test
    start = int(edition.rng("stretch").integers(0, count - len(test) + 1))
    end = start + len(test)
    return np.r_[0 : max(0, start - SHARED_FRAMES), min(count, end + SHARED_FRAMES) : count], np.arange(start, end)


def load(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r")
    except (ValueError, EOFError) as error:
        raise unreadable(path, "an array", error) from None


def save_rows(array: np.ndarray, rows: np.ndarray, path: Path) -> None:
    """Write the same file as `np.save(path, array[rows])`, part by part."""
    saved = np.lib.format.open_memmap(path, mode="w+", dtype=array.dtype, shape=(len(rows), *array.shape[1:]))
    for first in range(0, len(rows), PART_ROWS):
        saved[first : first + PART_ROWS] = array[rows[first : first + PART_ROWS]]
    saved.flush()
