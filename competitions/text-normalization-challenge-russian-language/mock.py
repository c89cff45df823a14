from pathlib import Path

import numpy as np

from mlebench.data.mocking import MISSING_LOOKING
from mlebench.data.token_normalisation import Token, mock_tokens

TOKENS = (
    Token("PLAIN", "Производится", "Производится"),
    Token("PLAIN", "в", "в"),
    Token("PUNCT", ".", "."),
    Token("PUNCT", '"', '"'),
    Token("DATE", "12 февраля 2013", "двенадцатого февраля две тысячи тринадцатого года"),
    Token("CARDINAL", "12", "двенадцать"),
    Token("ORDINAL", "XIX", "девятнадцатого"),
    Token("MEASURE", "5 %", "пять процентов"),
    Token("DECIMAL", "3,14", "три целых и четырнадцать сотых"),
    Token("TELEPHONE", "8-800", "восемь sil восемьсот"),
    Token("LETTERS", "США", "с ш а"),
    Token("ELECTRONIC", "Julius", "д_trans ж_trans у_trans л_trans и_trans у_trans с_trans"),
    Token("VERBATIM", "№", "номер"),
    *(Token("PLAIN", word, word) for word in MISSING_LOOKING),
)


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    mock_tokens(raw, rng, size, TOKENS, language="ru")
