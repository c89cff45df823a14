import json
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import gapped_ids, image_bytes, long_tail, write_files


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    species = long_tail(rng, size, smallest=2)
    category_ids = gapped_ids(rng, species.max() + 1, 15504)
    images, annotations, seen = [], [], Counter()
    for kind in species:
        category = category_ids[kind]
        image_id = f"{category:05d}__{seen[category] + 1:03d}"
        seen[category] += 1
        file_name = f"{category // 100:03d}/{category % 100:02d}/{image_id}.jpg"
        images.append({"image_id": image_id, "file_name": file_name, "license": int(rng.integers(3))})
        annotations.append(
            {"genus_id": category % 7, "institution_id": int(rng.integers(5)), "category_id": category, "image_id": image_id}
        )
    train = {
        "annotations": annotations,
        "images": images,
        "categories": [
            {
                "category_id": category,
                "scientificName": f"Abies alba {category}",
                "family": "Pinaceae",
                "genus": "Abies",
                "species": f"alba {category}",
                "authors": "(Née & “Müll.”) L.",
            }
            for category in category_ids
        ],
        "genera": [{"genus_id": genus, "genus": f"Abies{genus}"} for genus in range(7)],
        "institutions": [{"institution_id": number, "collectionCode": f"NY{number}"} for number in range(5)],
        "distances": [
            {"genus_id_x": x, "genus_id_y": y, "distance": float(rng.uniform(1, 900))} for x, y in combinations(range(7), 2)
        ],
        "licenses": [{"id": number, "name": "CC BY", "url": ""} for number in range(3)],
    }
    tests = [{"image_id": str(n), "file_name": f"000/test-{n:06d}.jpg", "license": 0} for n in range(3)]
    write_files(raw / "train_images", [image["file_name"] for image in images], lambda: image_bytes(rng))
    write_files(raw / "test_images", [image["file_name"] for image in tests], lambda: image_bytes(rng))
    (raw / "train_metadata.json").write_text(json.dumps(train))
    (raw / "test_metadata.json").write_text(json.dumps(tests))
    write_csv(pd.DataFrame({"Id": range(3), "Predicted": 42}), raw / "sample_submission.csv")
