from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import cycle, hex_ids, sentences


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    anchors = [f"{text} {k}" for k, text in enumerate(sentences(rng, max(5, size // 8), 1, 3))]
    pairs = pd.DataFrame(
        {
            "id": hex_ids(rng, size, 16),
            "anchor": np.sort(rng.choice(anchors, size)),
            "target": sentences(rng, size, 1, 4),
            "context": rng.choice(["A47", "B23", "C07", "F16", "G06", "H04"], size),
            "score": cycle([0.0, 0.25, 0.5, 0.75, 1.0], rng, size),
        }
    )
    write_csv(pairs, raw / "train.csv")
    write_csv(pairs.drop(columns="score").head(4), raw / "test.csv")
    write_csv(pairs[["id"]].head(4).assign(score=0), raw / "sample_submission.csv")
