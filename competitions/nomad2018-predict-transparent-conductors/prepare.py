from pathlib import Path

import pandas as pd

from mlebench.data import Edition, extract, link, read_csv, scratch, write_csv

TARGETS = ["formation_energy_ev_natom", "bandgap_energy_ev"]


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    materials = read_csv(raw / "train.csv.zip")
    features = list(materials.columns.difference(["id", *TARGETS]))
    same_material = None if edition.is_v1 else materials.groupby(features, dropna=False).ngroup()
    train, test = edition.split(materials, test_size=0.1, v2_groups=same_material)

    with scratch(public) as geometry:
        extract(raw / "train.zip", geometry)
        train = renumber(train, geometry / "train", public / "train")
        test = renumber(test, geometry / "train", public / "test")

    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns=TARGETS), public / "test.csv")
    write_csv(test, private / "test.csv")
    sample = test[["id"]].assign(formation_energy_ev_natom=0.1779, bandgap_energy_ev=1.8892)
    write_csv(sample, public / "sample_submission.csv")


def renumber(materials: pd.DataFrame, geometry: Path, target: Path) -> pd.DataFrame:
    """Number materials from 1 in the order of the split, and store each geometry file under its new number."""
    for new_id, old_id in enumerate(materials["id"], start=1):
        source = next((geometry / str(old_id)).glob("*.xyz"), geometry / str(old_id) / "geometry.xyz")
        (target / str(new_id)).mkdir(parents=True)
        link(source, target / str(new_id) / "geometry.xyz")
    return materials.assign(id=range(1, len(materials) + 1))
