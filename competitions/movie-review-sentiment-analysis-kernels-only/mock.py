from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv, write_zipped_csv
from mlebench.data.mocking import MISSING_LOOKING, cycle, sentences


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    texts = sentences(rng, size, 1, 12)
    for row, word in zip(rng.choice(size, len(MISSING_LOOKING), replace=False), MISSING_LOOKING, strict=True):
        texts[row] = word
    phrases = pd.DataFrame(
        {
            "PhraseId": range(1, size + 1),
            "SentenceId": np.sort(rng.integers(1, max(3, size // 8), size)),
            "Phrase": texts,
            "Sentiment": cycle([0, 1, 2, 2, 2, 3, 4], rng, size),
        }
    )
    unlabelled = phrases.drop(columns="Sentiment").head(5).assign(PhraseId=range(size + 1, size + 6))
    write_zipped_csv(phrases, raw / "train.tsv.zip", sep="\t")
    write_zipped_csv(unlabelled, raw / "test.tsv.zip", sep="\t")
    write_csv(unlabelled[["PhraseId"]].assign(Sentiment=2), raw / "sampleSubmission.csv")
