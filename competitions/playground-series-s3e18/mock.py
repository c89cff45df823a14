from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import cycle_in_test

DESCRIPTORS = (
    "BertzCT", "Chi1", "Chi1n", "Chi1v", "Chi2n", "Chi2v", "Chi3v", "Chi4n", "EState_VSA1", "EState_VSA2", "ExactMolWt",
    "FpDensityMorgan1", "FpDensityMorgan2", "FpDensityMorgan3", "HallKierAlpha", "HeavyAtomMolWt", "Kappa3",
    "MaxAbsEStateIndex", "MinEStateIndex",
)  # fmt: skip
AREAS = (
    "PEOE_VSA10", "PEOE_VSA14", "PEOE_VSA6", "PEOE_VSA7", "PEOE_VSA8", "SMR_VSA10", "SMR_VSA5", "SlogP_VSA3", "VSA_EState9",
)  # fmt: skip


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    molecules = pd.DataFrame(
        {
            "id": range(size),
            **{name: rng.gamma(2, 10, size) for name in DESCRIPTORS},
            "NumHeteroatoms": rng.integers(0, 20, size),
            **{name: rng.gamma(1, 8, size) * (rng.random(size) < 0.7) for name in AREAS},
            "fr_COO": rng.integers(0, 4, size),
            "fr_COO2": rng.integers(0, 4, size),
            **{f"EC{k}": cycle_in_test([1, 0], rng, size, "playground-series-s3e18", 0.1) for k in range(1, 7)},
        }
    )
    labels = [f"EC{k}" for k in range(1, 7)]
    write_csv(molecules, raw / "train.csv")
    write_csv(molecules.drop(columns=labels).head(size // 2), raw / "test.csv")
    write_csv(molecules[["id"]].assign(EC1=0.5, EC2=0.5).head(size // 2), raw / "sample_submission.csv")
