from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import hex_ids, image_bytes, write_files

FACTS = (
    "Subject Focus", "Eyes", "Face", "Near", "Action", "Accessory", "Group", "Collage", "Human", "Occlusion", "Info", "Blur",
)  # fmt: skip


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    ids = hex_ids(rng, size + 8, 32)
    pets = pd.DataFrame({"Id": ids, **{fact: rng.integers(0, 2, len(ids)) for fact in FACTS}})
    pets["Pawpularity"] = rng.integers(1, 101, len(ids))
    labelled, others = pets.head(size), pets.tail(8)
    write_csv(labelled, raw / "train.csv")
    write_csv(others.drop(columns="Pawpularity"), raw / "test.csv")
    write_csv(others[["Id"]].assign(Pawpularity=rng.uniform(1, 100, 8).round(2)), raw / "sample_submission.csv")
    write_files(raw / "train", labelled["Id"] + ".jpg", partial(image_bytes, rng))
    write_files(raw / "test", others["Id"] + ".jpg", partial(image_bytes, rng))

    # a few photos occur twice
    for original, copy in zip(ids[:3], ids[size - 3 : size], strict=True):
        (raw / "train" / f"{copy}.jpg").write_bytes((raw / "train" / f"{original}.jpg").read_bytes())
