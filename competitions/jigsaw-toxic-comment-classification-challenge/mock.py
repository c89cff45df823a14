from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_zipped_csv
from mlebench.data.mocking import hex_ids, sentences

from .classes import CLASSES


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    ids = hex_ids(rng, 2 * size, 16)
    comments = pd.DataFrame({"id": ids, "comment_text": sentences(rng, 2 * size)})
    labels = pd.DataFrame(rng.integers(0, 2, (2 * size, len(CLASSES))), columns=CLASSES)
    # both values of each class occur among the scored rows
    labels.iloc[size], labels.iloc[size + 1] = 0, 1
    test_labels = labels.tail(size).copy()
    test_labels.iloc[2 + np.flatnonzero(rng.random(size - 2) < 0.5)] = -1

    test = comments.tail(size)
    tables = {
        "train": pd.concat([comments, labels], axis=1).head(size),
        "test": test,
        "test_labels": pd.concat([test[["id"]], test_labels], axis=1),
        "sample_submission": test[["id"]].assign(**dict.fromkeys(CLASSES, 0.5)),
    }
    for name, table in tables.items():
        write_zipped_csv(table, raw / f"{name}.csv.zip")
