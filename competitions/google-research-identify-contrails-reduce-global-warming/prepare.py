import json
import random
from pathlib import Path

import numpy as np
import pandas as pd

from grading.metrics.run_length import encode
from mlebench.data import Edition, link, link_files, link_tree, read_json, test_count, write_csv
from mlebench.data.groups import same_files
from mlebench.data.raw_faults import unreadable

BANDS = [f"band_{number:02d}.npy" for number in range(8, 17)]
MASKS = ["human_individual_masks.npy", "human_pixel_masks.npy"]


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    records = read_json(raw / "train_metadata.json")
    validation = read_json(raw / "validation_metadata.json")
    copies = None if edition.is_v1 else same_files([[raw / "train" / file for file in files_of([one], BANDS)] for one in records])
    train, test = edition.split(records, test_size=test_count(len(records), len(validation)), v2_groups=copies)

    link_files(raw / "train", public / "train", files_of(train, BANDS + MASKS))
    link_files(raw / "train", public / "test", files_of(test, BANDS))
    if edition.is_v1 and not (raw / "validation").exists():
        # the published preparation creates an empty folder if it is missing
        (public / "validation").mkdir()
    else:
        link_tree(raw / "validation", public / "validation")
    link(raw / "validation_metadata.json", public / "validation_metadata.json")
    (public / "train_metadata.json").write_text(json.dumps(train))

    answers = pd.DataFrame([describe(raw / "train" / record["record_id"]) for record in test])
    write_csv(answers, private / "answers.csv")
    draw = random.Random(0)
    sample = answers.assign(encoded_pixels=[draw.choice(["1 3 10 5", "-"]) for _ in test])
    write_csv(sample if edition.is_v1 else sample[["record_id", "encoded_pixels"]], public / "sample_submission.csv")


def files_of(records: list[dict], names: list[str]) -> list[str]:
    return [f"{record['record_id']}/{name}" for record in records for name in names]


def describe(record: Path) -> dict[str, str | int]:
    try:
        mask = np.load(record / "human_pixel_masks.npy")
        height, width, _ = np.load(record / "band_08.npy", mmap_mode="r").shape
    except (OSError, ValueError, EOFError) as error:
        raise unreadable(record, "arrays", error) from None
    return {"record_id": record.name, "encoded_pixels": encode(mask == 1) or "-", "height": height, "width": width}
