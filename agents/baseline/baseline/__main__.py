"""A baseline for tabular competitions: reads the tables, fits models by column type and predicts every target column.

The sample submission is submitted first, so that there is a submission whatever happens afterwards. It stays in place if the
data is not tabular, if the targets cannot be found, or if time runs out.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from .models import predict
from .submission import fill_in, write
from .tables import data_files, find_sample, find_tables
from .task import recognise


def main(words: list[str]) -> int:
    """Work on the competition in `DATA_DIR`."""
    options = dict(word.split("=", 1) for word in words)
    home = Path(os.environ.get("MLEBENCH_HOME", "/home"))
    data = Path(os.environ.get("DATA_DIR", home / "data"))
    target = Path(os.environ.get("SUBMISSION_DIR", home / "submission")) / "submission.csv"
    with tempfile.TemporaryDirectory() as scratch:
        return work(data, data_files(data, Path(scratch)), target, options)


def work(data: Path, files: Sequence[Path], target: Path, options: Mapping[str, str]) -> int:
    """Submit the sample submission, then something better if the tables can be understood."""
    seed = int(os.environ.get("MLEBENCH_SEED", "0"))
    started = time.monotonic()
    sample_path = find_sample(files)
    if sample_path is None:
        print(f"There is no sample submission in {data}.", file=sys.stderr)
        return 1
    sample = pd.read_csv(sample_path, dtype=str, keep_default_na=False)
    write(sample, target)
    print(f"Submitted {sample_path.name} with {len(sample)} rows; trying to do better.")

    description = data / "description.md"
    text = description.read_text(encoding="utf-8") if description.is_file() else ""
    task = recognise(sample, find_tables(files, sample_path, int(options.get("max_rows", 200_000))), text)
    if task is None:
        print("The targets are not in tables that I understand; the sample submission stays.")
        return 0
    print(task.summary())
    predictions = predict(task, np.random.RandomState(seed))
    write(fill_in(sample, task, predictions), target)
    print(f"Submitted predictions after {time.monotonic() - started:.1f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
