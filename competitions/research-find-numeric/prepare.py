from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, write_csv

from .curves import RandomCurve, draw_curve, draw_inputs

FUNCTIONS = 300
OBSERVATIONS = 20
QUERIES = 30


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    observations, queries = [], []
    for number in range(FUNCTIONS):
        name = f"f{number:03d}"
        curve = draw_curve(edition.rng(f"{name} function"))
        inputs = edition.rng(f"{name} inputs")
        x = draw_seen(inputs, curve, OBSERVATIONS, inside=5)
        y = curve.observe(x, edition.rng(f"{name} noise"))
        observations.append(pd.DataFrame({"function": name, "x": x, "y": y.astype(np.float32)}))
        asked = draw_seen(inputs, curve, QUERIES, inside=10)
        ids = [f"{name}-{place:02d}" for place in range(QUERIES)]
        queries.append(pd.DataFrame({"row_id": ids, "function": name, "x": asked, "y": curve.true_values(asked)}))

    table = pd.concat(queries, ignore_index=True)
    write_csv(pd.concat(observations, ignore_index=True), public / "observations.csv")
    write_csv(table.drop(columns="y"), public / "queries.csv")
    write_csv(table[["row_id"]].assign(y=0.0), public / "sample_submission.csv")
    write_csv(table[["row_id", "function", "y"]], private / "answers.csv")


def draw_seen(rng: np.random.Generator, curve: RandomCurve, count: int, inside: int) -> np.ndarray:
    """Inputs in random order; if part of the function is corrupted, `inside` of them are in that part."""
    if curve.interval is None:
        return draw_inputs(rng, count)
    x = draw_inputs(rng, 20 * count)
    outside = rng.permutation(x[~curve.is_corrupted(x)])[: count - inside]
    low, high = curve.interval
    within = np.clip(rng.uniform(low, high, inside).round(2), low, high)
    return rng.permutation(np.concatenate([outside, within]))
