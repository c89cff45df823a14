import json
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import gapped_ids, image_bytes, long_tail, write_files


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    species = long_tail(rng, size)
    category_ids = gapped_ids(rng, species.max() + 1, 64499)
    image_ids = rng.choice(2_500_000, size, replace=False).tolist()
    images = [
        {"id": image, "width": 671, "height": 1000, "file_name": path(category_ids[kind], image), "license": 0}
        for kind, image in zip(species, image_ids, strict=True)
    ]
    annotations = [
        {"category_id": category_ids[kind], "id": image, "image_id": image, "institution_id": int(rng.integers(5))}
        for kind, image in zip(species, image_ids, strict=True)
    ]
    train = {
        "annotations": annotations,
        "categories": [
            {"family": "Orchidaceae", "id": category, "name": f"Nothofagus ×née {category}", "order": "Asparagales"}
            for category in category_ids
        ],
        "images": images,
        "info": {"contributor": "", "date_created": "", "description": "mock", "url": "", "version": "1.0", "year": 2021},
        "institutions": [{"id": number, "name": f"Māori “{number}”"} for number in range(5)],
        "licenses": [{"id": 0, "name": "CC BY", "url": ""}],
    }
    tests = [{"id": number, "file_name": f"images/000/{number}.jpg"} for number in range(3)]
    write_files(raw / "train", [image["file_name"] for image in images], lambda: image_bytes(rng))
    write_files(raw / "test", [image["file_name"] for image in tests], lambda: image_bytes(rng))
    (raw / "train" / "metadata.json").write_text(json.dumps(train, ensure_ascii=False), encoding="utf-8")
    (raw / "test" / "metadata.json").write_text(json.dumps({"images": tests, "info": {}, "licenses": []}))
    write_csv(pd.DataFrame({"Id": range(3), "Predicted": 0}), raw / "sample_submission.csv")


def path(category: int, image: int) -> str:
    return f"images/{category // 100:03d}/{category % 100:02d}/{image}.jpg"
