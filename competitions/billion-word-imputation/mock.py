import itertools
from pathlib import Path

import numpy as np

from mlebench.data import Member, scratch, write_zip
from mlebench.data.mocking import MISSING_LOOKING

TOKENS = (
    *("The", "a", "man", "said", "that", '"', ",", "'", "''", "'s", "3.14", "1,000", "café", "日本語", "😀", "don't", "€5"),
    *MISSING_LOOKING,
)


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    # one line in a hundred becomes a test sentence, and the first of v1 is line 100
    count = max(2_000, 20 * size)
    lengths = rng.integers(0, 15, count)
    tokens = iter(rng.choice(TOKENS, lengths.sum()))
    lines = [" ".join([*itertools.islice(tokens, int(length)), "."]) for length in lengths]
    for row in np.flatnonzero(rng.random(count) < 0.01):
        lines[row] = f" {lines[row]}  "
    raw.mkdir(parents=True, exist_ok=True)
    write_text_zip(raw / "train_v2.txt.zip", "\n".join(lines) + "\n")
    write_text_zip(raw / "test_v2.txt.zip", '"id","sentence"\n1,"The ""man"" said ."\n')


def write_text_zip(archive: Path, text: str) -> None:
    with scratch(archive.parent) as folder:
        (folder / archive.stem).write_text(text, encoding="utf-8")
        write_zip(archive, [Member(archive.stem, folder / archive.stem)])
