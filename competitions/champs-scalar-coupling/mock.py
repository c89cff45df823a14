from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv

TYPES = ("1JHC", "1JHN", "2JHC", "2JHH", "2JHN", "3JHC", "3JHH", "3JHN")
PAIRS = 8
"""Pairs of each molecule, one of each type."""
TENSOR = ("XX", "YX", "ZX", "XY", "YY", "ZY", "XZ", "YZ", "ZZ")


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    molecules = np.sort(rng.choice(133_885, max(10, size // PAIRS) * 5 // 4, replace=False)) + 1
    names = np.array([f"dsgdb9nsd_{number:06d}" for number in molecules])
    is_test = np.isin(np.arange(len(names)), rng.choice(len(names), len(names) // 5, replace=False))
    atoms = make_atoms(rng, names)
    pairs = make_pairs(rng, names)

    train, test = split_rows(pairs, names[is_test])
    write_csv(train, raw / "train.csv")
    write_csv(test.drop(columns="scalar_coupling_constant"), raw / "test.csv")
    write_csv(test[["id"]].assign(scalar_coupling_constant=0), raw / "sample_submission.csv")
    write_csv(atoms, raw / "structures.csv")
    write_geometry(raw / "structures", atoms)
    write_properties(raw, rng, train, split_rows(atoms, names[is_test])[0])


def split_rows(table: pd.DataFrame, test_names: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    in_test = table["molecule_name"].isin(test_names)
    return table[~in_test], table[in_test]


def make_atoms(rng: np.random.Generator, names: np.ndarray) -> pd.DataFrame:
    sizes = rng.integers(5, 10, len(names))
    elements = [list("CNHHHOFHC")[:size] for size in sizes]
    atoms = pd.DataFrame(
        {
            "molecule_name": np.repeat(names, sizes),
            "atom_index": np.concatenate([np.arange(size) for size in sizes]),
            "atom": np.concatenate(elements),
        }
    )
    return atoms.assign(**{axis: rng.normal(0, 2, len(atoms)).round(10) for axis in "xyz"})


def make_pairs(rng: np.random.Generator, names: np.ndarray) -> pd.DataFrame:
    rows = len(names) * PAIRS
    types = np.tile(TYPES, len(names))
    typical = {"1JHC": 95.0, "1JHN": 47.0, "2JHH": -10.0}
    return pd.DataFrame(
        {
            "id": range(rows),
            "molecule_name": np.repeat(names, PAIRS),
            "atom_index_0": rng.integers(2, 5, rows),
            "atom_index_1": rng.integers(0, 2, rows),
            "type": types,
            "scalar_coupling_constant": rng.normal([typical.get(kind, 3.0) for kind in types], 4).round(6),
        }
    )


def write_geometry(folder: Path, atoms: pd.DataFrame) -> None:
    folder.mkdir()
    for name, molecule in atoms.groupby("molecule_name"):
        lines = [f"{row.atom} {row.x} {row.y} {row.z}" for row in molecule.itertuples()]
        (folder / f"{name}.xyz").write_text("\n".join([str(len(lines)), "", *lines]) + "\n")


def write_properties(raw: Path, rng: np.random.Generator, pairs: pd.DataFrame, atoms: pd.DataFrame) -> None:
    molecules = pairs[["molecule_name"]].drop_duplicates()
    of_atom = atoms[["molecule_name", "atom_index"]]
    of_pair = pairs[["molecule_name", "atom_index_0", "atom_index_1", "type"]]
    tables = {
        "dipole_moments": (molecules, ("X", "Y", "Z")),
        "potential_energy": (molecules, ("potential_energy",)),
        "magnetic_shielding_tensors": (of_atom, TENSOR),
        "mulliken_charges": (of_atom, ("mulliken_charge",)),
        "scalar_coupling_contributions": (of_pair, ("fc", "sd", "pso", "dso")),
    }
    for name, (rows, columns) in tables.items():
        write_csv(rows.assign(**{column: rng.normal(0, 9, len(rows)).round(6) for column in columns}), raw / f"{name}.csv")
