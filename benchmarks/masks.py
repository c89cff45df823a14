"""Processor time to grade run-length encoded masks from their runs, against decoding each into an array.

    python benchmarks/masks.py [--masks 20000] [--side 1024]

Both sides get the same texts, true and predicted, and must find the same Dice coefficients. Masks are unions of ellipses.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence

import numpy as np
import pandas as pd

from grading import RunLengths
from grading.metrics.run_length import encode
from grading.metrics.segmentation import dice

DISTINCT = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--masks", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=1024)
    arguments = parser.parse_args()
    for largest in (0.05, 0.15):
        compare(arguments.masks, arguments.side, largest)


def compare(masks: int, side: int, largest: float) -> None:
    truth, prediction = make_texts(masks, side, largest)
    runs = np.mean([len(text.split()) / 2 for text in truth[:DISTINCT]])
    print(f"{masks:,} masks of {side:,} x {side:,} pixels, {runs:.0f} runs each on average")

    start = time.process_time()
    from_runs = grade_runs(truth, prediction, side**2)
    by_runs = time.process_time() - start
    print(f"from runs {by_runs:8.2f} s, peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")

    start = time.process_time()
    from_arrays = [dice_of_arrays(a, b, side) for a, b in zip(truth, prediction, strict=True)]
    by_arrays = time.process_time() - start
    assert np.allclose(from_runs, from_arrays)
    print(f"decoding  {by_arrays:8.2f} s, {by_arrays / by_runs:.0f} times as long")


def make_texts(masks: int, side: int, largest: float) -> tuple[list[str], list[str]]:
    """True masks of one to three ellipses, and predictions that are the same a little moved; some distinct ones, repeated.

    Args:
        largest: half an axis of an ellipse at most, as a share of the side.
    """
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(min(masks, DISTINCT)):
        count = int(rng.integers(1, 4))
        middles, halves = rng.uniform(0.1, 0.9, (count, 2)) * side, rng.uniform(0.01, largest, (count, 2)) * side
        pairs.append((encode(ellipses(side, middles, halves)), encode(ellipses(side, middles + 3, halves * 0.95))))
    repeated = [pairs[number % len(pairs)] for number in range(masks)]
    return [truth for truth, _ in repeated], [prediction for _, prediction in repeated]


def ellipses(side: int, middles: np.ndarray, halves: np.ndarray) -> np.ndarray:
    rows, columns = np.ogrid[:side, :side]
    mask = np.zeros((side, side), dtype=bool)
    for (row, column), (height, width) in zip(middles, halves, strict=True):
        mask |= ((rows - row) / height) ** 2 + ((columns - column) / width) ** 2 <= 1
    return mask


def grade_runs(truth: Sequence[str], prediction: Sequence[str], pixels: int) -> np.ndarray:
    ids = pd.Series(range(len(truth))).astype(str)
    column = RunLengths(pixels)
    return dice(column.parse(pd.Series(truth, name="mask"), ids), column.parse(pd.Series(prediction, name="mask"), ids))


def dice_of_arrays(truth: str, prediction: str, side: int) -> float:
    a, b = decode_usually(truth, side), decode_usually(prediction, side)
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def decode_usually(text: str, side: int) -> np.ndarray:
    """The decoder of most notebooks: split, convert, fill run by run."""
    numbers = np.asarray(text.split(), dtype=int)
    mask = np.zeros(side * side, dtype=bool)
    for start, length in zip(numbers[0::2] - 1, numbers[1::2], strict=True):
        mask[start : start + length] = True
    return mask.reshape(side, side).T


if __name__ == "__main__":
    main()
