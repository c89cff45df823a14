from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data.mocking import MISSING_LOOKING
from mlebench.data.token_normalisation import mock_tokens

TOKENS = (
    ("PLAIN", "Rocky", "Rocky"),
    ("PLAIN", "the", "the"),
    ("PUNCT", ".", "."),
    ("PUNCT", '"', '"'),
    ("DATE", "2006", "two thousand six"),
    ("CARDINAL", "12", "twelve"),
    ("MEASURE", "6ft", "six feet"),
    ("MONEY", "$3.16", "three dollars, sixteen cents"),
    ("LETTERS", "IUCN", "i u c n"),
    ("VERBATIM", "é", "e acute"),
    *(("PLAIN", word, word) for word in MISSING_LOOKING),
)


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    sentence = np.sort(rng.integers(0, max(2, size // 6), size))
    drawn = pd.DataFrame([TOKENS[k] for k in rng.integers(0, len(TOKENS), size)], columns=["class", "before", "after"])
    # the first token of each sentence is a word, so that no part of a tiny table reads as numbers
    token_id = pd.Series(sentence).groupby(sentence).cumcount()
    drawn.loc[token_id == 0] = list(TOKENS[0])
    mock_tokens(raw, pd.concat([pd.DataFrame({"sentence_id": sentence, "token_id": token_id}), drawn], axis=1), language="en")
