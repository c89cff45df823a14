import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import hex_ids, image_bytes, write_files

from .labels import LABELS


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    uids = [f"1.2.826.0.1.3680043.8.498.{''.join(map(str, rng.integers(1, 10, 38)))}" for _ in range(size)]
    images = pd.DataFrame({"StudyInstanceUID": uids})
    # every part needs both values of each label: a patient has two pairs of images with opposite labels
    place_in_v1_draw = np.argsort(np.random.RandomState(0).permutation(size))
    one_of_pair = rng.integers(0, 2, (size // 2 + 1, len(LABELS)))[place_in_v1_draw // 2]
    images[LABELS] = one_of_pair ^ (place_in_v1_draw % 2)[:, None]
    images["PatientID"] = np.array(hex_ids(rng, size // 4 + 1, 9))[place_in_v1_draw // 4]
    write_csv(images, raw / "train.csv")

    traced = images.sample(max(4, size // 3), replace=True, random_state=rng)
    traces = [json.dumps(rng.integers(0, 2_000, (4, 2)).tolist()) for _ in range(len(traced))]
    annotations = traced[["StudyInstanceUID"]].assign(label=rng.choice(LABELS, len(traced)), data=traces)
    write_csv(annotations, raw / "train_annotations.csv")
    write_files(raw / "train", images["StudyInstanceUID"] + ".jpg", partial(image_bytes, rng, mode="L"))
