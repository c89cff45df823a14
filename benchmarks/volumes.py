"""Processor time and memory of grading masks and boxes at the size of the real test sets.

    python benchmarks/volumes.py

Answers and submissions are made up: the numbers of rows, pixels and objects are those of the real data, or more. Each case runs
in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from grading.metrics.run_length import encode
from mlebench.registry import Registry

Tables = tuple[pd.DataFrame, pd.DataFrame]


def main() -> None:
    cases: dict[str, Callable[[np.random.Generator], Tables]] = {
        "vesuvius-challenge-ink-detection": fragment,
        "uw-madison-gi-tract-image-segmentation": scans,
        "google-research-identify-contrails-reduce-global-warming": records,
        "3d-object-detection-for-autonomous-vehicles": drives,
        "kuzushiji-recognition": pages,
        "vinbigdata-chest-xray-abnormalities-detection": radiographs,
    }
    for name, make in cases.items():
        process = multiprocessing.get_context("spawn").Process(target=measure, args=(name, make))
        process.start()
        process.join()


def measure(name: str, make: Callable[[np.random.Generator], Tables]) -> None:
    answers, submission = make(np.random.default_rng(0))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for edition in ("v1", "v2"):
        grader = Registry().set_edition(edition).get_competition(name).grader
        start = time.process_time()
        score = grader.score(submission, answers)
        seconds = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(
            f"{name} {edition}: {len(submission):,} rows, score {score:.4f}, {seconds:.1f} s, "
            f"peak {peak / 2**20:.2f} GiB ({before / 2**20:.2f} before)",
            flush=True,
        )


def blobs(rng: np.random.Generator, shape: tuple[int, int], count: int, largest: float) -> np.ndarray:
    """A mask of small ellipses, drawn in their boxes only."""
    mask = np.zeros(shape, dtype=bool)
    middles, axes = rng.uniform(0, shape, (count, 2)), rng.uniform(2, largest, (count, 2))
    for middle, half in zip(middles, axes, strict=True):
        low, high = np.clip(middle - half, 0, shape).astype(int), np.clip(middle + half + 1, 0, shape).astype(int)
        rows, columns = np.ogrid[low[0] : high[0], low[1] : high[1]]
        inside = ((rows - middle[0]) / half[0]) ** 2 + ((columns - middle[1]) / half[1]) ** 2 <= 1
        mask[low[0] : high[0], low[1] : high[1]] |= inside
    return mask


def fragment(rng: np.random.Generator) -> Tables:
    """One fragment of 7,606 × 5,249 pixels with some hundred thousand runs."""
    height, width = 7606, 5249
    ink = blobs(rng, (height, width), 3000, 60)
    guess = np.roll(ink, (3, 5), axis=(0, 1)) | blobs(rng, (height, width), 500, 60)
    answers = pd.DataFrame({"Id": ["a"], "Predicted": [encode(ink, "C")], "width": width, "height": height})
    return answers, pd.DataFrame({"Id": ["a"], "Predicted": [encode(guess, "C")]})


def scans(rng: np.random.Generator) -> Tables:
    """60 scans of 144 slices of 266 × 266 pixels with 3 organs each; the prediction is a little off everywhere."""
    rows, guesses = [], []
    for scan in range(60):
        for number in range(144):
            for organ, middle in (("large_bowel", 80), ("small_bowel", 150), ("stomach", 200)):
                there = 40 < number < 110
                axes = rng.uniform(15, 35, 2) if there else (0, 0)
                identity = (f"case{scan}_day1_slice_{number + 1:04d}", organ)
                rows.append((*identity, ellipse(middle, 130, *axes), 266, 266))
                guesses.append((*identity, ellipse(middle + 3, 128, *axes)))
    answers = pd.DataFrame(rows, columns=["id", "class", "predicted", "image_width", "image_height"])
    return answers, pd.DataFrame(guesses, columns=["id", "class", "predicted"])


def ellipse(row: float, column: float, height: float, width: float) -> str:
    if height == 0:
        return ""
    rows, columns = np.ogrid[:266, :266]
    return encode(((rows - row) / height) ** 2 + ((columns - column) / width) ** 2 <= 1, "C")


def records(rng: np.random.Generator) -> Tables:
    """1,856 records of 256 × 256 pixels."""
    masks = [blobs(rng, (256, 256), 5, 20) for _ in range(1856)]
    ids = [str(10**18 + k) for k in range(len(masks))]
    answers = pd.DataFrame({"record_id": ids, "encoded_pixels": list(map(encode, masks)), "height": 256, "width": 256})
    guesses = [encode(np.roll(mask, 2, axis=0)) for mask in masks]
    return answers, pd.DataFrame({"record_id": ids, "encoded_pixels": guesses})


def drives(rng: np.random.Generator) -> Tables:
    """4,536 samples with 28 objects each and 100 predictions."""
    rows, guesses = [], []
    for sample in range(4536):
        boxes = np.column_stack(
            [rng.uniform(0, 100, (28, 2)), rng.normal(0, 1, 28), rng.uniform(1, 5, (28, 3)), rng.uniform(-3, 3, 28)]
        )
        names = rng.choice(["car", "bus", "truck", "pedestrian"], 28, p=[0.84, 0.06, 0.05, 0.05])
        copies = rng.integers(0, 28, 100)
        moved = boxes[copies] + rng.normal(0, 0.2, (100, 7)) * [1, 1, 1, 0, 0, 0, 0.2]
        rows.append((f"s{sample}", objects(np.ones(28), boxes, names)))
        guesses.append((f"s{sample}", objects(rng.random(100), moved, names[copies])))
    columns = ["Id", "PredictionString"]
    return pd.DataFrame(rows, columns=columns), pd.DataFrame(guesses, columns=columns)


def objects(confidence: np.ndarray, boxes: np.ndarray, names: np.ndarray) -> str:
    numbers = np.column_stack([confidence, boxes]).round(4).tolist()
    return " ".join(" ".join([*map(str, row), name]) for row, name in zip(numbers, names, strict=True))


def pages(rng: np.random.Generator) -> Tables:
    """390 pages with 300 characters each and 1,200 predictions."""
    names = np.array([f"U+{k:04X}" for k in range(4000)])
    rows, guesses = [], []
    for page in range(390):
        labels, corners = rng.choice(names, 300), rng.integers(0, 3000, (300, 2))
        rows.append((f"p{page}", " ".join(f"{n} {x} {y} 40 50" for n, (x, y) in zip(labels, corners.tolist(), strict=True))))
        copies = rng.integers(0, 300, 1200)
        points = corners[copies] + rng.integers(-10, 60, (1200, 2))
        guesses.append((f"p{page}", " ".join(f"{n} {x} {y}" for n, (x, y) in zip(labels[copies], points.tolist(), strict=True))))
    columns = ["image_id", "labels"]
    return pd.DataFrame(rows, columns=columns), pd.DataFrame(guesses, columns=columns)


def radiographs(rng: np.random.Generator) -> Tables:
    """1,500 images with 3 boxes each and 100 predictions."""
    rows, guesses = [], []
    for image in range(1500):
        corners, sizes = rng.integers(0, 2000, (3, 2)), rng.integers(50, 900, (3, 2))
        boxes, classes = np.hstack([corners, corners + sizes]).astype(float), rng.choice(14, 3, replace=False)
        rows += [
            (f"i{image}", label, f"class {label}", *box)
            for label, box in sorted(zip(classes.tolist(), boxes.tolist(), strict=True))
        ]
        copies = rng.integers(0, 3, 100)
        moved = np.column_stack([classes[copies], rng.random(100), boxes[copies] + rng.integers(-90, 90, (100, 4))])
        guesses.append((f"i{image}", " ".join(f"{int(row[0])} " + " ".join(map(str, row[1:])) for row in moved.tolist())))
    answers = pd.DataFrame(rows, columns=["image_id", "class_id", "class_name", "x_min", "y_min", "x_max", "y_max"])
    return answers, pd.DataFrame(guesses, columns=["image_id", "PredictionString"])


if __name__ == "__main__":
    main()
