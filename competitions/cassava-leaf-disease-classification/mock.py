import json
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import cycle, image_bytes
from mlebench.data.tfrecord import Frame, encode_example, frame, write_tfrecord

DISEASES = (
    "Cassava Bacterial Blight (CBB)",
    "Cassava Brown Streak Disease (CBSD)",
    "Cassava Green Mottle (CGM)",
    "Cassava Mosaic Disease (CMD)",
    "Healthy",
)


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    numbers = rng.choice(np.arange(10**6, 4 * 10**9, 997), size, replace=False)
    images = pd.DataFrame({"image_id": [f"{n}.jpg" for n in numbers], "label": cycle([0, 1, 2, 3, 3, 4], rng, size)})
    raw.mkdir(exist_ok=True)
    (raw / "label_num_to_disease_map.json").write_text(json.dumps({str(k): name for k, name in enumerate(DISEASES)}))
    write_csv(images, raw / "train.csv")
    write_csv(pd.DataFrame({"image_id": ["2216849948.jpg"], "label": [4]}), raw / "sample_submission.csv")

    content = {name: image_bytes(rng) for name in [*images["image_id"], "2216849948.jpg"]}
    for folder, names in (("train_images", images["image_id"]), ("test_images", ["2216849948.jpg"])):
        (raw / folder).mkdir()
        for name in names:
            (raw / folder / name).write_bytes(content[name])
    (raw / "train_tfrecords").mkdir()
    (raw / "test_tfrecords").mkdir()
    for number, rows in enumerate(np.array_split(rng.permutation(size), 16)):
        frames = [record(content, *images.iloc[row]) for row in rows]
        write_tfrecord(raw / "train_tfrecords" / f"ld_train{number:02d}-{len(rows)}.tfrec", frames)
    write_tfrecord(raw / "test_tfrecords" / "ld_test00-1.tfrec", [record(content, "2216849948.jpg", -1)])


def record(content: dict[str, bytes], name: str, label: int) -> Frame:
    return frame(encode_example({"image": [content[name]], "image_name": [name.encode()], "target": [int(label)]}))
