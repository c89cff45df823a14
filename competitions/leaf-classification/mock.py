from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_zipped_csv
from mlebench.data.mocking import cycle, image_bytes, write_files, zip_folder

SOME_SPECIES = (
    "Acer_Capillipes", "Acer_Rubrum", "Fagus_Sylvatica", "Ginkgo_Biloba", "Phildelphus", "Prunus_X_Shmittii",
    "Quercus_Infectoria_sub", "Quercus_x_Hispanica", "Rhododendron_x_Russellianum", "Zelkova_Serrata",
)  # fmt: skip


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    n_test = size // 2
    ids = rng.permutation(np.arange(1, size + n_test + 1))
    names = [f"{kind}{k}" for kind in ("margin", "shape", "texture") for k in range(1, 65)]
    features = {name: rng.exponential(0.02, size + n_test).round(6) for name in names}
    leaves = pd.DataFrame({"id": ids, "species": cycle(SOME_SPECIES, rng, size + n_test), **features})
    train, test = (part.sort_values("id") for part in (leaves.head(size), leaves.tail(n_test)))
    write_zipped_csv(train, raw / "train.csv.zip")
    write_zipped_csv(test.drop(columns="species"), raw / "test.csv.zip")
    write_zipped_csv(test[["id"]].assign(**dict.fromkeys(SOME_SPECIES, 1 / 99)), raw / "sample_submission.csv.zip")
    write_files(raw / "packing", [f"{number}.jpg" for number in ids], partial(image_bytes, rng, mode="L"))
    zip_folder(raw / "packing", raw / "images.zip", inside="images/")
