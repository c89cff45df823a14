from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, LargeTable, group_rows, link_files
from mlebench.data.raw_faults import damaged

TRAIN_ONLY = (
    "dipole_moments.csv",
    "magnetic_shielding_tensors.csv",
    "mulliken_charges.csv",
    "potential_energy.csv",
    "scalar_coupling_contributions.csv",
)


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    pairs = LargeTable.scan(raw / "train.csv")
    molecules = pairs.columns(["molecule_name"])["molecule_name"]
    names = pd.Series(np.asarray(molecules.drop_duplicates())).sort_values()
    train_molecules, test_molecules = edition.split(names, test_size=0.1)
    test = group_rows(molecules, test_molecules)
    constant = "scalar_coupling_constant"

    pairs.write(group_rows(molecules, train_molecules), public / "train.csv")
    pairs.write(test, private / "answers.csv")
    pairs.write(test, public / "test.csv", without=[constant])
    sample = {constant: np.zeros(len(test), np.int64)}
    pairs.write(test, public / "sample_submission.csv", only=["id", constant], given=sample)

    for name in TRAIN_ONLY:
        write_molecules(raw / name, train_molecules, public / name)
    shown = train_molecules if edition.is_v1 else pd.concat([train_molecules, test_molecules])
    write_molecules(raw / "structures.csv", shown, public / "structures.csv")
    link_files(raw / "structures", public / "structures", (f"{molecule}.xyz" for molecule in shown))


def write_molecules(path: Path, molecules: pd.Series, target: Path) -> None:
    """Write the rows of some molecules in the order of the file."""
    table = LargeTable.scan(path)
    names = table.columns(["molecule_name"])["molecule_name"]
    lacking = np.setdiff1d(molecules, names.unique())
    if len(lacking):
        raise damaged(path, f"it lacks {len(lacking):,} molecules of train.csv, {lacking[0]!r} first")
    table.write(np.flatnonzero(names.isin(molecules)), target)
