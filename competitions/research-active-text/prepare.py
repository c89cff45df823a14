from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, write_csv

from .corpus import Corpus, draw_corpus, words_of
from .learner import accuracy_of
from .sizes import BUDGET, CLASSES, POOL, SEEDS, TEST_PER_CLASS
from .text_features import hashed_features

RARE_SHARES = (0.01, 0.02)
COPIES = (0.5, 0.75)
DRAWS_PER_CELL = 3
LABEL_NOISE = 0.02


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    cells = list(product(RARE_SHARES, COPIES, range(DRAWS_PER_CELL)))
    # the number of a task would reveal how rare its rare classes are
    cells = [cells[place] for place in edition.rng("order").permutation(len(cells))]
    pools, tests, rows = [], [], []
    for number, (rare_share, copies, _) in enumerate(cells):
        name = f"t{number:02d}"
        corpus = draw_corpus(edition.rng(f"{name} corpus"), rare_share, copies)
        pool = draw_pool(edition, name, corpus)
        test = draw_test(edition, name, corpus)
        others = pool.loc[~pool["seed"], "item"].to_numpy()
        rows += [(f"{name}-{place:02d}", name, item) for place, item in enumerate(others[:BUDGET])]
        pools.append(pool.assign(task=name))
        tests.append(test.assign(task=name))

    pool = pd.concat(pools)
    write_csv(pool[["task", "item", "text"]], public / "pool.csv")
    write_csv(pool.loc[pool["seed"], ["task", "item", "label"]], public / "seeds.csv")
    write_csv(pool[["task", "item", "label", "seed", "text"]], private / "pool.csv")
    write_csv(pd.concat(tests)[["task", "label", "text"]], private / "test.csv")
    write_csv(pd.DataFrame([learner_limits(*parts) for parts in zip(pools, tests, strict=True)]), private / "limits.csv")
    answers = pd.DataFrame(rows, columns=["row_id", "name", "item"])
    write_csv(answers, private / "answers.csv")
    write_csv(answers[["row_id", "item"]], public / "sample_submission.csv")


def draw_pool(edition: Edition, name: str, corpus: Corpus) -> pd.DataFrame:
    """`item`, `text`, `label` (some are wrong) and `seed`, in an uninformative order."""
    classes = edition.rng(f"{name} classes").choice(CLASSES, size=POOL, p=corpus.shares)
    texts = edition.rng(f"{name} pool")
    noise = edition.rng(f"{name} noise")
    labels = np.where(noise.random(POOL) < LABEL_NOISE, noise.integers(CLASSES, size=POOL), classes)
    seeds = edition.rng(f"{name} seeds").choice(POOL, SEEDS, replace=False)
    return pd.DataFrame({
        "item": range(POOL), "text": [words_of(corpus.pool_text(int(number), texts)) for number in classes], "label": labels,
        "seed": np.isin(np.arange(POOL), seeds),
    })  # fmt: skip


def draw_test(edition: Edition, name: str, corpus: Corpus) -> pd.DataFrame:
    """`text` and `label`, equally many of every class."""
    rng = edition.rng(f"{name} test")
    labels = np.repeat(np.arange(CLASSES), TEST_PER_CLASS)
    return pd.DataFrame({"text": [words_of(corpus.text(int(number), rng)) for number in labels], "label": labels})


def learner_limits(pool: pd.DataFrame, test: pd.DataFrame) -> dict[str, str | float]:
    """The learner's accuracy when trained on only the seeds, and on the whole pool."""
    features, labels = hashed_features(pool["text"]), pool["label"].to_numpy()
    test_features, test_labels = hashed_features(test["text"]), test["label"].to_numpy()
    seed_accuracy, full_accuracy = (
        accuracy_of(features[rows], labels[rows], test_features, test_labels, CLASSES)
        for rows in (pool["seed"].to_numpy(), np.ones(POOL, dtype=bool))
    )
    return {"task": str(pool["task"].iloc[0]), "seed_accuracy": seed_accuracy, "full_accuracy": full_accuracy}
