"""Synthetic answers and submissions with masks and boxes, of the size of the real test sets or a share of it.

Mock data of these competitions is tiny, so the costs that dominate at real size (pixels of an image, objects on a page) do not
show. Each function makes the answers and a submission that is slightly wrong everywhere; the numbers of rows, pixels and objects
are at least those of the real data.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from grading.metrics.run_length import encode

Tables = tuple[pd.DataFrame, pd.DataFrame]
"""Answers and submission."""


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


def part(count: int, share: float) -> int:
    """A share of a count, at least 1."""
    return max(1, round(count * share))


def fragment(rng: np.random.Generator, share: float) -> Tables:
    """One fragment of 7,606 × 5,249 pixels with some hundred thousand runs; a share of it is less high."""
    height, width = part(7606, share), 5249
    ink = blobs(rng, (height, width), part(3000, share), 60)
    guess = np.roll(ink, (3, 5), axis=(0, 1)) | blobs(rng, (height, width), part(500, share), 60)
    answers = pd.DataFrame({"Id": ["a"], "Predicted": [encode(ink, "C")], "width": width, "height": height})
    return answers, pd.DataFrame({"Id": ["a"], "Predicted": [encode(guess, "C")]})


def scans(rng: np.random.Generator, share: float) -> Tables:
    """60 scans of 144 slices of 266 × 266 pixels with 3 organs each; the prediction is a little off everywhere."""
    rows, guesses = [], []
    for scan in range(part(60, share)):
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


def records(rng: np.random.Generator, share: float) -> Tables:
    """1,856 records of 256 × 256 pixels."""
    masks = [blobs(rng, (256, 256), 5, 20) for _ in range(part(1856, share))]
    ids = [str(10**18 + k) for k in range(len(masks))]
    answers = pd.DataFrame({"record_id": ids, "encoded_pixels": list(map(encode, masks)), "height": 256, "width": 256})
    guesses = [encode(np.roll(mask, 2, axis=0)) for mask in masks]
    return answers, pd.DataFrame({"record_id": ids, "encoded_pixels": guesses})


def drives(rng: np.random.Generator, share: float) -> Tables:
    """4,536 samples with 28 objects each and 100 predictions."""
    rows, guesses = [], []
    for sample in range(part(4536, share)):
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


def pages(rng: np.random.Generator, share: float) -> Tables:
    """390 pages with 300 characters each and 400 predictions."""
    names = np.array([f"U+{k:04X}" for k in range(4000)])
    rows, guesses = [], []
    for page in range(part(390, share)):
        labels, corners = rng.choice(names, 300), rng.integers(0, 3000, (300, 2))
        rows.append((f"p{page}", " ".join(f"{n} {x} {y} 40 50" for n, (x, y) in zip(labels, corners.tolist(), strict=True))))
        copies = rng.integers(0, 300, 400)
        points = corners[copies] + rng.integers(-10, 60, (400, 2))
        guesses.append((f"p{page}", " ".join(f"{n} {x} {y}" for n, (x, y) in zip(labels[copies], points.tolist(), strict=True))))
    columns = ["image_id", "labels"]
    return pd.DataFrame(rows, columns=columns), pd.DataFrame(guesses, columns=columns)


def radiographs(rng: np.random.Generator, share: float) -> Tables:
    """1,500 images with 3 boxes each and 100 predictions."""
    rows, guesses = [], []
    for image in range(part(1500, share)):
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


def kidneys(rng: np.random.Generator, share: float) -> Tables:
    """Three slides of 20,000 × 20,000 pixels with 400 structures each; a share of them is smaller."""
    side = part(20_000, share**0.5)
    masks = [blobs(rng, (side, side), 400, side / 80) for _ in range(3)]
    ids = [f"slide{number}" for number in range(len(masks))]
    answers = pd.DataFrame({"id": ids, "encoding": list(map(encode, masks)), "width_pixels": side, "height_pixels": side})
    return answers, pd.DataFrame({"id": ids, "predicted": [encode(np.roll(mask, 3, axis=0)) for mask in masks]})


def seismic(rng: np.random.Generator, share: float) -> Tables:
    """1,000 pictures of 101 × 101 pixels, a third of them without salt."""
    masks = [blobs(rng, (101, 101), 3, 40) if number % 3 else np.zeros((101, 101), bool) for number in range(part(1000, share))]
    ids = [f"picture{number}" for number in range(len(masks))]
    guesses = [encode(np.roll(mask, 2, axis=0)) for mask in masks]
    return pd.DataFrame({"id": ids, "rle_mask": list(map(encode, masks))}), pd.DataFrame({"id": ids, "rle_mask": guesses})


def studies(rng: np.random.Generator, share: float) -> Tables:
    """600 studies of one image each, with two boxes on every other one and 20 predictions on each."""
    rows, guesses = [], []
    appearances = ("negative", "typical", "indeterminate", "atypical")
    for study in range(part(600, share)):
        rows.append((f"s{study:05d}_study", f"{rng.choice(appearances)} 1 0 0 1 1"))
        found = " ".join(f"{name} {rng.random():.6f} 0 0 1 1" for name in appearances)
        guesses.append((f"s{study:05d}_study", found))
        corners, sizes = rng.uniform(0, 2000, (2, 2)), rng.uniform(100, 900, (2, 2))
        boxes = np.hstack([corners, corners + sizes]).round(3)
        opaque = " ".join(f"opacity 1 {' '.join(map(str, box))}" for box in boxes.tolist())
        rows.append((f"s{study:05d}_image", opaque if study % 2 else "none 1 0 0 1 1"))
        moved = (boxes[rng.integers(0, 2, 20)] + rng.normal(0, 40, (20, 4))).round(3)
        guesses.append(
            (f"s{study:05d}_image", " ".join(f"opacity {rng.random():.6f} {' '.join(map(str, box))}" for box in moved.tolist()))
        )
    columns = ["id", "PredictionString"]
    return pd.DataFrame(rows, columns=columns), pd.DataFrame(guesses, columns=columns)


MAKERS: dict[str, Callable[[np.random.Generator, float], Tables]] = {
    "3d-object-detection-for-autonomous-vehicles": drives,
    "google-research-identify-contrails-reduce-global-warming": records,
    "hubmap-kidney-segmentation": kidneys,
    "kuzushiji-recognition": pages,
    "siim-covid19-detection": studies,
    "tgs-salt-identification-challenge": seismic,
    "uw-madison-gi-tract-image-segmentation": scans,
    "vesuvius-challenge-ink-detection": fragment,
    "vinbigdata-chest-xray-abnormalities-detection": radiographs,
}
"""The competitions of masks and boxes."""
SHARES = {
    "3d-object-detection-for-autonomous-vehicles": 0.005,
    "hubmap-kidney-segmentation": 0.02,
    "kuzushiji-recognition": 0.03,
    "siim-covid19-detection": 0.3,
    "uw-madison-gi-tract-image-segmentation": 0.035,
    "vesuvius-challenge-ink-detection": 0.1,
    "vinbigdata-chest-xray-abnormalities-detection": 0.1,
}
"""The part of the real size of which a plain program takes a second or so; all of it elsewhere."""
