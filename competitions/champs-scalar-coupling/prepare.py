from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, link_files, read_csv, take_groups, write_csv
from mlebench.data.raw_faults import damaged

TRAIN_ONLY = (
    "dipole_moments.csv",
    "magnetic_shielding_tensors.csv",
    "mulliken_charges.csv",
    "potential_energy.csv",
    "scalar_coupling_contributions.csv",
)


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    pairs = read_csv(raw / "train.csv")
    train_molecules, test_molecules = edition.split(pairs["molecule_name"].drop_duplicates().sort_values(), test_size=0.1)
    test = take_groups(pairs, "molecule_name", test_molecules)

    write_csv(take_groups(pairs, "molecule_name", train_molecules), public / "train.csv")
    write_csv(test, private / "answers.csv")
    write_csv(test.drop(columns="scalar_coupling_constant"), public / "test.csv")
    write_csv(test[["id"]].assign(scalar_coupling_constant=0), public / "sample_submission.csv")

    for name in TRAIN_ONLY:
        write_csv(read_molecules(raw / name, train_molecules), public / name)
    shown = train_molecules if edition.is_v1 else pd.concat([train_molecules, test_molecules])
    write_csv(read_molecules(raw / "structures.csv", shown), public / "structures.csv")
    link_files(raw / "structures", public / "structures", (f"{molecule}.xyz" for molecule in shown))


def read_molecules(path: Path, molecules: pd.Series) -> pd.DataFrame:
    """The rows of some molecules in the order of the file."""
    table = read_csv(path)
    lacking = np.setdiff1d(molecules, table["molecule_name"])
    if len(lacking):
        raise damaged(path, f"it lacks {len(lacking):,} molecules of train.csv, {lacking[0]!r} first")
    return table[table["molecule_name"].isin(molecules)]
