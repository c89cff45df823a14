import json
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import gapped_ids, hex_ids, image_bytes, long_tail, tar_folder, write_files

from .categories import LAST_CATEGORY

GROUPS = ("Amphibians", "Birds", "Fungi", "Insects", "Plants", "Reptiles")


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    species = long_tail(rng, size)
    category_ids = gapped_ids(rng, species.max() + 1, LAST_CATEGORY)
    labels = [category_ids[kind] for kind in species]
    val_labels = category_ids[:3]
    categories = [
        {"id": category, "name": f"Pinus née {category}", "kingdom": "Plantae", "phylum": "Tracheophyta", "class": "Pinopsida",
         "order": "Pinales", "family": "Pinaceae", "genus": "Pinus"}
        for category in category_ids
    ]  # fmt: skip
    names = hex_ids(rng, size + len(val_labels) + 3, 32)
    train = records(rng, labels, names[:size], 0)
    validation = records(rng, val_labels, names[size:-3], size)
    tests = records(rng, [None] * 3, names[-3:], size + len(val_labels))
    for year_file, content in (("train2019", train), ("val2019", validation), ("test2019", tests)):
        shared = {"info": {"year": 2019, "description": "mock"}, "licenses": [{"id": 1, "name": "CC BY", "url": ""}]}
        labelled = {} if content is tests else {"categories": categories}
        (raw / f"{year_file}.json").write_text(json.dumps({**content, **labelled, **shared}))
    pack(raw, "train_val2019", [*train["images"], *validation["images"]], rng)
    pack(raw, "test2019", tests["images"], rng)
    ids = [image["id"] for image in tests["images"]]
    write_csv(pd.DataFrame({"id": ids, "predicted": 0}), raw / "kaggle_sample_submission.csv")


def records(rng: np.random.Generator, labels: list, names: list[str], first_id: int) -> dict:
    images, annotations = [], []
    for image_id, (label, name) in enumerate(zip(labels, names, strict=True), start=first_id):
        folder = "test2019" if label is None else f"train_val2019/{GROUPS[label % len(GROUPS)]}/{label}"
        images.append(
            {"id": image_id, "file_name": f"{folder}/{name}.jpg", "width": 800, "height": 600, "license": int(rng.integers(7)),
             "rights_holder": str(rng.choice(["Zoë “Z” Müller", "a, b", "東京"]))}
        )  # fmt: skip
        annotations.append({"id": image_id, "image_id": image_id, "category_id": label})
    return {"images": images} if None in labels else {"images": images, "annotations": annotations}


def pack(raw: Path, name: str, images: list[dict], rng: np.random.Generator) -> None:
    write_files(raw / "packing", [image["file_name"] for image in images], lambda: image_bytes(rng))
    tar_folder(raw / "packing", raw / f"{name}.tar.gz")
