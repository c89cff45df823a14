import json
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import cycle, sentences

from .columns import CONVERSATION, VERDICTS

MODELS = ("gpt-4-1106-preview", "llama-2-13b-chat", "mixtral-8x7b-instruct-v0.1", "koala-13b")


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    turns = rng.integers(1, 4, size)
    prompts = [turns_of(rng, count) for count in turns]
    # some questions are repeated many times
    for row in np.flatnonzero(rng.random(size) < 0.2):
        prompts[row] = json.dumps(["hello"])
    pairs = [rng.choice(MODELS, 2, replace=False) for _ in range(size)]
    winners = np.eye(3, dtype=int)[np.array(cycle([0, 1, 2], rng, size))]
    battles = pd.DataFrame(
        {
            "id": rng.choice(np.arange(30_000, 4_000_000), size, replace=False),
            "model_a": [pair[0] for pair in pairs],
            "model_b": [pair[1] for pair in pairs],
            "prompt": prompts,
            "response_a": [turns_of(rng, count, gaps=0.05) for count in turns],
            "response_b": [turns_of(rng, count, gaps=0.05) for count in turns],
            **{verdict: winners[:, k] for k, verdict in enumerate(VERDICTS)},
        }
    )
    write_csv(battles, raw / "train.csv")
    test = battles[CONVERSATION].head(3)
    write_csv(test, raw / "test.csv")
    write_csv(test[["id"]].assign(**dict.fromkeys(VERDICTS, 1 / 3)), raw / "sample_submission.csv")


def turns_of(rng: np.random.Generator, count: int, gaps: float = 0.0) -> str:
    """A list of turns as JSON, some of them null; slashes are escaped and non-ASCII letters are not, as in the real file."""
    turns = [None if rng.random() < gaps else text for text in sentences(rng, count)]
    return json.dumps(turns, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
