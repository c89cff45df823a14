import json
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import gapped_ids, image_bytes, long_tail, write_files


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    species = long_tail(rng, size)
    category_ids = gapped_ids(rng, species.max() + 1, 15504)
    image_ids = rng.choice(10**6, size, replace=False).tolist()
    images = [
        {"id": image, "file_name": path(category_ids[kind], image), "width": 681, "height": 1000, "license": 0}
        for kind, image in zip(species, image_ids, strict=True)
    ]
    annotations = [
        {"id": image, "image_id": image, "category_id": category_ids[kind], "region_id": int(rng.integers(5))}
        for kind, image in zip(species, image_ids, strict=True)
    ]
    train = {
        "annotations": annotations,
        "categories": [
            {"id": category, "name": f"Salvia ×née“{category}” L.", "family": "Lamiaceae", "genus": "Salvia"}
            for category in category_ids
        ],
        "images": images,
        "info": {"year": 2020, "version": "1.0", "url": "", "description": "mock", "contributor": "", "date_created": ""},
        "licenses": [{"id": 0, "name": "CC BY", "url": ""}],
        "regions": [{"id": number, "name": f"Québec {number}"} for number in range(5)],
    }
    tests = [{"id": number, "file_name": f"images/000/{number}.jpg"} for number in range(3)]
    folder = raw / "nybg2020"
    write_files(folder / "train", [image["file_name"] for image in images], lambda: image_bytes(rng))
    write_files(folder / "test", [image["file_name"] for image in tests], lambda: image_bytes(rng))
    # the real file is not UTF-8
    text = json.dumps(train, ensure_ascii=False)
    (folder / "train" / "metadata.json").write_bytes(text.encode("cp1252"))
    (folder / "test" / "metadata.json").write_text(json.dumps({"images": tests, "info": {}, "licenses": []}))
    write_csv(pd.DataFrame({"Id": range(3), "Predicted": 0}), raw / "sample_submission.csv")


def path(category: int, image: int) -> str:
    return f"images/{category // 100:03d}/{category % 100:02d}/{image}.jpg"
