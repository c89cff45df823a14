import json
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import hex_ids, sentences


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    ids = hex_ids(rng, size, 14)
    # about half of the notebooks stand alone, the others are forks of one another
    family = np.where(rng.random(size) < 0.5, np.arange(size), rng.integers(0, max(2, size // 6), size))
    ancestors = pd.DataFrame({"id": ids, "ancestor_id": np.array(hex_ids(rng, size, 8))[family]})
    first = ancestors.groupby("ancestor_id")["id"].transform("first")
    ancestors["parent_id"] = first.where(first != ancestors["id"])

    orders = pd.DataFrame({"id": ids, "cell_order": [write_notebook(raw / "train" / f"{name}.json", rng) for name in ids]})
    write_csv(ancestors, raw / "train_ancestors.csv")
    write_csv(orders.iloc[rng.permutation(size)], raw / "train_orders.csv")

    examples = hex_ids(rng, 3, 14)
    given = [write_notebook(raw / "test" / f"{name}.json", rng) for name in examples]
    write_csv(pd.DataFrame({"id": examples, "cell_order": given}), raw / "sample_submission.csv")


def write_notebook(path: Path, rng: np.random.Generator) -> str:
    """Write code cells in their order and text cells shuffled behind them, and tell the true order of all."""
    code, text = int(rng.integers(1, 8)), int(rng.integers(1, 8))
    cells = hex_ids(rng, code + text, 8)
    kinds = dict.fromkeys(cells[:code], "code") | dict.fromkeys(cells[code:], "markdown")
    path.parent.mkdir(parents=True, exist_ok=True)
    source = dict(zip(cells, sentences(rng, len(cells)), strict=True))
    path.write_text(json.dumps({"cell_type": kinds, "source": source}), encoding="utf-8")

    true_order: list[str] = [*cells[:code]]
    for cell in cells[code:]:
        true_order.insert(int(rng.integers(0, len(true_order) + 1)), cell)
    return " ".join(true_order)
