from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import image_bytes

from .bson_files import encode_bson
from .categories import MOST_COMMON


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    categories = np.sort(1_000_000_000 + rng.choice(23_000, 40, replace=False))
    categories[0] = MOST_COMMON
    # train and test share one row of numbers
    ids = np.sort(rng.choice(3 * size, size + 5, replace=False)).tolist()
    tests = set(rng.choice(ids, 5, replace=False).tolist())
    products = [product(rng, number, int(rng.choice(categories))) for number in ids if number not in tests]
    write_bson(raw / "train.bson", products)
    write_bson(raw / "train_example.bson", products[:100])
    write_bson(raw / "test.bson", [{"_id": number, "imgs": photos(rng)} for number in sorted(tests)])
    names = pd.DataFrame(
        {
            "category_id": categories,
            "category_level1": "ABONNEMENT / SERVICES",
            "category_level2": "CARTE PRÉPAYÉE",
            "category_level3": [f'CARTE, "{number}"' for number in range(len(categories))],
        }
    )
    write_csv(names, raw / "category_names.csv")
    write_csv(pd.DataFrame({"_id": sorted(tests), "category_id": MOST_COMMON}), raw / "sample_submission.csv")


def product(rng: np.random.Generator, number: int, category: int) -> dict:
    return {"_id": number, "imgs": photos(rng), "category_id": category}


def photos(rng: np.random.Generator) -> list[dict]:
    return [{"picture": image_bytes(rng)} for _ in range(rng.integers(1, 5))]


def write_bson(path: Path, documents: list[dict]) -> None:
    path.write_bytes(b"".join(map(encode_bson, documents)))
