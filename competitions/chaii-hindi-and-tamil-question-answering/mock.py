from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, write_csv
from mlebench.data.mocking import MISSING_LOOKING, cycle, hex_ids

WORDS = {
    "hindi": ["भारत", "की", "राजधानी", "नई", "दिल्ली", "है,", '"यमुना"', "नदी", "के", "किनारे", "1911", "में।"],
    "tamil": ["தமிழ்", "நாடு", "இந்தியாவின்", '"தென்"', "பகுதியில்", "உள்ளது,", "1969", "ஆம்", "ஆண்டு."],
}


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    # some articles are asked about twice
    article = rng.integers(0, size, size)
    languages = cycle(["hindi", "hindi", "tamil"], rng, size)
    contexts = [context_of(rng, str(language), k) for k, language in enumerate(languages)]
    answers = [" ".join(contexts[k].split()[int(rng.integers(0, 9)) :][:3]) for k in article]
    # v1 loses answers that read like a missing value; none of them is in its real test part
    in_train, _ = Edition("v1", "chaii-hindi-and-tamil-question-answering").split(np.arange(size), test_size=0.1)
    for row, word in zip(in_train, MISSING_LOOKING, strict=False):
        contexts[article[row]] += f" {word}"
        answers[row] = word
    questions = pd.DataFrame(
        {
            "id": hex_ids(rng, size, 9),
            "context": [contexts[k] for k in article],
            "question": [f"{WORDS[str(languages[k])][0]} {row}?" for row, k in enumerate(article)],
            "answer_text": answers,
            "answer_start": [contexts[k].find(answer) for k, answer in zip(article, answers, strict=True)],
            "language": [languages[k] for k in article],
        }
    )
    write_csv(questions, raw / "train.csv")
    write_csv(questions[["id", "context", "question", "language"]].head(5), raw / "test.csv")
    write_csv(questions[["id"]].head(5).assign(PredictionString=""), raw / "sample_submission.csv")


def context_of(rng: np.random.Generator, language: str, number: int) -> str:
    """An article of a few lines that differs from every other one."""
    lines = [" ".join(rng.choice(WORDS[language], size=8)) for _ in range(4)]
    return f"{number} " + "\n".join(lines)
