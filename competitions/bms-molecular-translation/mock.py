from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import hex_ids, image_bytes, write_files


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    labels = pd.DataFrame({"image_id": hex_ids(rng, size, 12), "InChI": [inchi(rng) for _ in range(size)]})
    tests = hex_ids(rng, 5, 12)
    write_csv(labels, raw / "train_labels.csv")
    write_csv(pd.DataFrame({"InChI": [inchi(rng) for _ in range(20)]}), raw / "extra_approved_InChIs.csv")
    write_csv(pd.DataFrame({"image_id": tests, "InChI": "InChI=1S/H2O/h1H2"}), raw / "sample_submission.csv")
    for part, names in (("train", labels["image_id"]), ("test", tests)):
        files = [f"{name[0]}/{name[1]}/{name[2]}/{name}.png" for name in names]
        write_files(raw / part, files, lambda: image_bytes(rng, "PNG", mode="L"))


def inchi(rng: np.random.Generator) -> str:
    carbons, hydrogens, nitrogens = rng.integers(4, 30, 3)
    chain = "-".join(map(str, range(1, carbons)))
    stereo = rng.choice(["", "/t4-,5+/m1/s1", "/b3-2+", "/i1D"])
    return f"InChI=1S/C{carbons}H{hydrogens}N{nitrogens}O/c{chain}/h2-3H,1H2,(H,4,{nitrogens}){stereo}"
