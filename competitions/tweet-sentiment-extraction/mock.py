from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, write_csv
from mlebench.data.mocking import MISSING_LOOKING, cycle, hex_ids, sentences


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    texts = sentences(rng, size, 1, 15)
    for row in np.flatnonzero(rng.random(size) < 0.1):
        texts[row] = f" {texts[row]}  http://twitpic.com/4w75p`"
    tweets = pd.DataFrame(
        {
            "textID": hex_ids(rng, size, 10),
            "text": texts,
            "selected_text": [span_of(text, rng) for text in texts],
            "sentiment": cycle(["positive", "negative", "neutral"], rng, size),
        }
    )
    # the real file has one empty tweet, and it is a training row in v1; likewise spans that read like a missing value here
    in_train, _ = Edition("v1", "tweet-sentiment-extraction").split(np.arange(size), test_size=0.1)
    tweets.loc[in_train[0], ["text", "selected_text"]] = None
    tweets.loc[in_train[1:4], ["text", "selected_text"]] = [[word, word] for word in MISSING_LOOKING[:3]]
    write_csv(tweets, raw / "train.csv")
    write_csv(tweets[["textID", "text", "sentiment"]].tail(4), raw / "test.csv")
    write_csv(tweets[["textID"]].tail(4).assign(selected_text=""), raw / "sample_submission.csv")


def span_of(text: str, rng: np.random.Generator) -> str:
    """A non-blank piece of a text that may begin or end within a word and does not read like a missing value."""
    first = int(rng.integers(0, max(1, len(text) // 2)))
    last = int(rng.integers(first + 1, len(text) + 1))
    span = text[first:last] if text[first:last].strip() else text
    return span[:1] if span in MISSING_LOOKING else span
