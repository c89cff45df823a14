import json
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import hex_ids, sentences


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    ids = hex_ids(rng, size, 14)
    # about half of the notebooks have no forks, the others are forks of one another
    family = np.where(rng.random(size) < 0.5, np.arange(size), rng.integers(0, max(2, size // 6), size))
    ancestors = pd.DataFrame({"id": ids, "ancestor_id": np.array(hex_ids(rng, size, 8))[family]})
    first = ancestors.groupby("ancestor_id")["id"].transform("first")
    ancestors["parent_id"] = first.where(first != ancestors["id"])
    write_csv(ancestors, raw / "train_ancestors.csv")
    write_csv(write_notebooks(raw / "train", ids, rng).iloc[rng.permutation(size)], raw / "train_orders.csv")
    write_csv(write_notebooks(raw / "test", hex_ids(rng, 3, 14), rng), raw / "sample_submission.csv")


def write_notebooks(folder: Path, ids: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """Write notebooks with ordered code cells followed by shuffled text cells, and return the true order."""
    folder.mkdir(parents=True)
    code, text = rng.integers(1, 8, (2, len(ids)))
    cells = np.split(np.array(hex_ids(rng, int((code + text).sum()), 8)), np.cumsum(code + text)[:-1])
    sources = iter(sentences(rng, int((code + text).sum())))
    orders = []
    for name, own, first_text in zip(ids, cells, code, strict=True):
        kinds = {str(cell): "code" if k < first_text else "markdown" for k, cell in enumerate(own)}
        notebook = {"cell_type": kinds, "source": {cell: next(sources) for cell in kinds}}
        (folder / f"{name}.json").write_text(json.dumps(notebook), encoding="utf-8")
        # text cells move between the code cells, whose own order stays
        place = np.concatenate([np.arange(first_text), rng.uniform(-1, first_text, len(own) - first_text)])
        orders.append(" ".join(own[np.argsort(place)]))
    return pd.DataFrame({"id": ids, "cell_order": orders})
