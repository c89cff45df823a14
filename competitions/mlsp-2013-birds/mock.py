from functools import partial
from pathlib import Path

import numpy as np

from mlebench.data.mocking import image_bytes, wav_bytes, write_files, zip_folder

from .contents import HISTOGRAM_HEADER, PICTURES, SPECIES


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    folder = raw / "packing"
    essential, supplemental = folder / "essential_data", folder / "supplemental_data"
    # half of the recordings are the original test, and places are interleaved
    fold = rng.permutation(np.arange(size) % 2)
    names = [f"PC{1 + k % 13}_20090513_{k // 3600 % 24:02d}{k // 60 % 60:02d}{k % 60:02d}_{k % 7:03d}0" for k in range(size)]
    sound = partial(wav_bytes, rng, 16_000, 0.005)
    bitmap = partial(image_bytes, rng, "BMP", (4, 4))
    write_files(essential / "src_wavs", [f"{name}.wav" for name in names], sound)
    bitmaps = [f"{name}.bmp" for name in names]
    for kind in PICTURES:
        write_files(supplemental / kind, bitmaps, bitmap)
    write_files(supplemental / "segmentation_examples", bitmaps[::8], bitmap)
    write_files(supplemental, ["segment_clusters.bmp", "segment_mosaic.bmp"], lambda: image_bytes(rng, "BMP"))

    recordings = range(size)
    write_lines(essential / "CVfolds_2.txt", "rec_id,fold", (f"{rec},{fold[rec]}" for rec in recordings))
    write_lines(essential / "rec_id2filename.txt", "rec_id,filename", (f"{rec},{names[rec]}" for rec in recordings), "\r\n")
    labels = (labels_of(rng, rec, hidden=bool(fold[rec])) for rec in recordings)
    write_lines(essential / "rec_labels_test_hidden.txt", "rec_id,[labels]", labels)
    species = (f"{number},CODE{number},Née's “Warbler {number}”" for number in range(SPECIES))
    write_lines(essential / "species_list.txt", "class_id,code,species", species, "\r\n")
    features = (f"{rec},{segment},{numbers(rng, 38)}" for rec in recordings for segment in range(rec % 4))
    write_lines(supplemental / "segment_features.txt", "rec_id,segment_id,[features]", features)
    boxes = (f"{rec},{segment},1,20,3,{rec % 50}" for rec in recordings for segment in range(rec % 4))
    write_lines(supplemental / "segment_rectangles.txt", "rec_id,segment_id,[rectangle]", boxes, "\r\n")
    histograms = (f"{rec},{numbers(rng, 100)}" for rec in recordings)
    write_lines(supplemental / "histogram_of_segments.txt", HISTOGRAM_HEADER, histograms)
    zip_folder(folder, raw / "mlsp_contest_dataset.zip", inside="mlsp_contest_dataset/")


def labels_of(rng: np.random.Generator, rec: int, *, hidden: bool) -> str:
    if hidden:
        return f"{rec},?"
    present = rng.choice(SPECIES, rng.integers(0, 5), replace=False)
    # recordings without birds are written in two ways
    return ",".join(map(str, [rec, *present])) if len(present) else f"{rec}{',' * (rec % 2)}"


def numbers(rng: np.random.Generator, count: int) -> str:
    return ",".join(f"{value:.6g}" for value in rng.random(count))


def write_lines(path: Path, header: str, lines, end: str = "\n") -> None:
    # the last line has no line ending
    path.write_text(end.join([header, *lines]), encoding="utf-8", newline="")
