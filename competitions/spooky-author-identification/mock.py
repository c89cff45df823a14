from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_zipped_csv
from mlebench.data.mocking import cycle, sentences

from .authors import AUTHORS


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    numbers = rng.choice(np.arange(10_000, 100_000), 2 * size, replace=False)
    texts = pd.DataFrame({"id": [f"id{number}" for number in numbers], "text": sentences(rng, 2 * size, 5, 25)})
    train, test = texts.head(size), texts.tail(size)

    write_zipped_csv(train.assign(author=cycle(AUTHORS, rng, size)), raw / "train.zip", member="train.csv")
    write_zipped_csv(test, raw / "test.zip", member="test.csv")
    sample = test[["id"]].assign(EAP=0.4, HPL=0.3, MWS=0.3)
    write_zipped_csv(sample, raw / "sample_submission.zip", member="sample_submission.csv")
