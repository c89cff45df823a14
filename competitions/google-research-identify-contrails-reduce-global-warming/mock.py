import io
import json
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import blob_mask, write_files

HEIGHT, WIDTH, FRAMES = 9, 8, 8


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    # up to 19 digits, some far fewer
    ids = [str(number) for number in np.unique((2**63 - 1) * rng.random(size + size // 8) ** 4).astype(np.int64)]
    train, validation = ids[: -(size // 8)], ids[-(size // 8) :]
    rng.shuffle(train)
    for part, records in (("train", train), ("validation", validation)):
        (raw / f"{part}_metadata.json").write_text(json.dumps([metadata(rng, record) for record in records]))
        for record in records:
            write_record(raw / part / record, rng, individual=part == "train")
    for record in validation[:2]:
        write_files(raw / "test" / record, band_names(), lambda: array_bytes(rng.normal(260, 20, (HEIGHT, WIDTH, FRAMES))))
    write_csv(pd.DataFrame({"record_id": validation[:2], "encoded_pixels": "1 3 10 5"}), raw / "sample_submission.csv")


def metadata(rng: np.random.Generator, record: str) -> dict[str, str | float]:
    return {
        "record_id": record,
        "row_min": float(rng.uniform(0, 3e6)),
        "row_size": -2000.5,
        "col_min": float(rng.uniform(-3e6, 3e6)),
        "col_size": 2000.5,
        "timestamp": float(rng.integers(1_555_000_000, 1_590_000_000)),
        "projection_wkt": 'PROJCS["WGS 84 / UTM zone 15N",GEOGCS["WGS 84"]]',
    }


def write_record(folder: Path, rng: np.random.Generator, *, individual: bool) -> None:
    band = array_bytes(rng.normal(260, 20, (HEIGHT, WIDTH, FRAMES)))
    write_files(folder, band_names(), lambda: band)
    labelers = int(rng.integers(3, 8))
    contrail = blob_mask(rng, (HEIGHT, WIDTH)) if rng.random() < 0.6 else np.zeros((HEIGHT, WIDTH), dtype=bool)
    votes = np.stack([contrail & (rng.random((HEIGHT, WIDTH)) < 0.9) for _ in range(labelers)], axis=-1)[:, :, None, :]
    pixels = 2 * votes.sum(axis=-1) > labelers
    write_files(folder, ["human_pixel_masks.npy"], lambda: array_bytes(pixels.astype(np.int32)))
    if individual:
        write_files(folder, ["human_individual_masks.npy"], lambda: array_bytes(votes.astype(np.int32)))


def band_names() -> list[str]:
    return [f"band_{number:02d}.npy" for number in range(8, 17)]


def array_bytes(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values.astype(np.float32) if values.dtype == np.float64 else values)
    return buffer.getvalue()
