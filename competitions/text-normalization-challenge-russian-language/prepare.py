from pathlib import Path

from mlebench.data import Edition
from mlebench.data.token_normalisation import prepare_tokens


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    prepare_tokens(raw, public, private, edition, language="ru")
