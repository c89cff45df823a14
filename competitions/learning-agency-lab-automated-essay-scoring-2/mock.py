from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import cycle, hex_ids, sentences


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    essays = pd.DataFrame(
        {
            "essay_id": hex_ids(rng, size, 7),
            "full_text": sentences(rng, size, 20, 60),
            "score": cycle([1, 2, 2, 3, 3, 3, 4, 4, 5, 6], rng, size),
        }
    )
    write_csv(essays, raw / "train.csv")
    write_csv(essays[["essay_id", "full_text"]].head(3), raw / "test.csv")
    write_csv(essays[["essay_id"]].head(3).assign(score=3), raw / "sample_submission.csv")
