from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.research.binary_problems import read_problems, submissions

from .regressors import METHODS, methods_of_all


def references(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    yield from submissions(public, METHODS | methods_of_all(list(read_problems(public))), rng)
