from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_zipped_csv
from mlebench.data.mocking import zip_folder


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    fractions = rng.dirichlet(np.ones(3), size).round(4)
    materials = pd.DataFrame(
        {
            "id": range(1, size + 1),
            "spacegroup": rng.choice([12, 33, 167, 194, 206, 227], size),
            "number_of_total_atoms": rng.choice([10.0, 20.0, 30.0, 40.0, 60.0, 80.0], size),
            **{f"percent_atom_{atom}": fractions[:, k] for k, atom in enumerate(("al", "ga", "in"))},
            **{f"lattice_vector_{k}_ang": rng.uniform(3, 25, size).round(4) for k in (1, 2, 3)},
            **{f"lattice_angle_{angle}_degree": rng.uniform(80, 120, size).round(4) for angle in ("alpha", "beta", "gamma")},
            "formation_energy_ev_natom": rng.exponential(0.2, size).round(4),
            "bandgap_energy_ev": rng.uniform(0, 5, size).round(4),
        }
    )
    targets = ["formation_energy_ev_natom", "bandgap_energy_ev"]
    features = materials.columns[1:-2]
    # two thirds share their features with others that differ in atom positions; a few also share the targets
    cells = rng.permutation(nominal_cells(size))
    materials[features] = materials.loc[cells, features].to_numpy()
    twin = np.flatnonzero(cells == 0)[:2]
    materials.loc[twin, targets] = materials.loc[twin[:1], targets].to_numpy()

    write_zipped_csv(materials, raw / "train.csv.zip")
    write_zipped_csv(materials.drop(columns=targets).head(size // 4), raw / "test.csv.zip")
    write_zipped_csv(materials[["id", *targets]].head(size // 4), raw / "sample_submission.csv.zip")
    pack_geometry(raw, "train", rng, size)
    pack_geometry(raw, "test", rng, size // 4)


def nominal_cells(size: int) -> np.ndarray:
    """The first row with the same cell for each row: groups of five for two thirds of the rows, then single ones."""
    rows = np.arange(size)
    return np.where(rows < size * 2 // 3, rows - rows % 5, rows)


def pack_geometry(raw: Path, part: str, rng: np.random.Generator, count: int) -> None:
    for number in range(1, count + 1):
        path = raw / "packing" / str(number) / "geometry.xyz"
        path.parent.mkdir(parents=True)
        x, y, z = rng.uniform(0, 10, 3)
        path.write_text(f"#=====\nlattice_vector 9.9 0.0 0.0\natom {x:.4f} {y:.4f} {z:.4f} Al\n")
    zip_folder(raw / "packing", raw / f"{part}.zip", inside=f"{part}/")
