import json
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import gapped_ids, hex_ids, image_bytes, write_files

from .categories import LAST_CATEGORY


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    categories = gapped_ids(rng, 20, LAST_CATEGORY)
    train, tests = image_records(rng, size, n_locations=max(12, size // 10)), image_records(rng, 5, n_locations=2)
    annotations = [
        {"count": int(rng.integers(4)), "image_id": image["id"], "id": f"a{image['id'][1:]}", "category_id": int(category)}
        for image, category in zip(train, rng.choice([0, *categories], size), strict=True)
    ]
    named = [{"id": number, "name": f"tapirus “née” {number}", "count": number % 7} for number in [0, *categories]]
    info = {"year": "2020", "version": "1.0", "description": "mock", "contributor": "", "date_created": "2020-01-01"}
    write_json({"annotations": annotations, "images": train, "categories": named, "info": info}, raw, "train_annotations")
    write_json({"images": tests, "categories": named, "info": info}, raw, "test_information")
    boxes = [
        {"id": image["id"], "detections": [{"category": "1", "bbox": [0.1, 0.2, 0.3, 0.4], "conf": 0.999}],
         "max_detection_conf": 0.999}
        for image in [*train, *tests]
    ]  # fmt: skip
    write_json({"images": boxes, "detection_categories": {"1": "animal"}, "info": info}, raw, "megadetector_results")
    write_csv(pd.DataFrame({"Id": [image["id"] for image in tests], "Category": 0}), raw / "sample_submission.csv")
    write_files(raw / "train", [image["file_name"] for image in train], lambda: image_bytes(rng))
    write_files(raw / "test", [image["file_name"] for image in tests], lambda: image_bytes(rng))


def image_records(rng: np.random.Generator, size: int, n_locations: int) -> list[dict]:
    ids = [f"{name[:8]}-{name[8:12]}-11ea-a13a-{name[12:]}" for name in hex_ids(rng, size, 24)]
    # places differ widely in their number of photos, but none exceeds the size of the test part
    few, many = np.arange(size) % n_locations, np.minimum(*rng.integers(0, n_locations, (2, size)))
    location = np.where(rng.random(size) < 0.5, few, many)
    return [
        {"seq_num_frames": 3, "location": int(place), "datetime": f"2013-06-05 05:{k % 60:02d}:19.000", "frame_num": k % 3,
         "seq_id": f"{image_id[:8]}-30d0-11ea", "width": 1920, "height": 1080, "file_name": f"{image_id}.jpg", "id": image_id}
        for k, (image_id, place) in enumerate(zip(ids, location, strict=True))
    ]  # fmt: skip


def write_json(content: dict, raw: Path, name: str) -> None:
    (raw / f"iwildcam2020_{name}.json").write_text(json.dumps(content))
