from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, write_csv

from .retrieval import draw_retrieval

INSTANCES = {"a": (2.5, 0.5), "b": (3.0, 0.5), "c": (3.0, 0.2)}
STREAMS = ("world", "gallery", "queries", "pairs", "bank", "development")


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    answers = []
    for name, (noise, hubness) in INSTANCES.items():
        streams = {purpose: edition.rng(f"{name} {purpose}") for purpose in STREAMS}
        drawn = draw_retrieval(streams, noise=noise, hubness=hubness)._asdict()
        items = drawn.pop("items")
        np.savez(public / f"{name}.npz", **drawn)
        ids = [f"{name}-{number}" for number in range(len(items))]
        answers.append(pd.DataFrame({"query_id": ids, "instance": name, "item": items}))

    table = pd.concat(answers, ignore_index=True)
    write_csv(table, private / "answers.csv")
    write_csv(table[["query_id"]].assign(item=0), public / "sample_submission.csv")
