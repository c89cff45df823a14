from pathlib import Path

import numpy as np

from mlebench.data.mocking import MISSING_LOOKING
from mlebench.data.token_normalisation import Token, mock_tokens

TOKENS = (
    Token("PLAIN", "Rocky", "Rocky"),
    Token("PLAIN", "the", "the"),
    Token("PUNCT", ".", "."),
    Token("PUNCT", '"', '"'),
    Token("DATE", "2006", "two thousand six"),
    Token("CARDINAL", "12", "twelve"),
    Token("MEASURE", "6ft", "six feet"),
    Token("MONEY", "$3.16", "three dollars, sixteen cents"),
    Token("LETTERS", "IUCN", "i u c n"),
    Token("VERBATIM", "é", "e acute"),
    *(Token("PLAIN", word, word) for word in MISSING_LOOKING),
)


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    mock_tokens(raw, rng, size, TOKENS, language="en")
