from pathlib import Path

import pandas as pd

from mlebench.data import Edition, link_files, write_csv
from mlebench.data.groups import same_content


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    files = sorted((path.parent.name, path.name) for path in (raw / "train").glob("*/*.png"))
    plants = pd.DataFrame({"file": [name for _, name in files], "species": [species for species, _ in files]})
    by_species = plants["species"] + "/" + plants["file"]
    copies = None if edition.is_v1 else same_content(raw / "train" / file for file in by_species)
    train, test = edition.split(plants, test_size=0.14, v2_groups=copies)

    link_files(raw / "train", public / "train", by_species[train.index])
    flat_names = dict(zip(by_species[test.index], test["file"], strict=True))
    link_files(raw / "train", public / "test", flat_names, hide_origin=not edition.is_v1)
    write_csv(test, private / "answers.csv")
    write_csv(test.assign(species="Sugar beet"), public / "sample_submission.csv")
