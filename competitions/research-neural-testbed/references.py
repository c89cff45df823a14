from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.research.binary_methods import REFERENCES
from mlebench.research.binary_problems import submissions


def references(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    yield from submissions(public, REFERENCES, rng)
