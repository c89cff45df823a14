from pathlib import Path

import pandas as pd

from mlebench.data import Edition, link, link_files, read_csv, write_csv
from mlebench.data.groups import same_content


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    molecules = read_csv(raw / "train_labels.csv", text=True, dtype=str)
    copies = None if edition.is_v1 else same_content(raw / "train" / path for path in image_paths(molecules))
    train, test = edition.split(molecules, test_size=0.2, v2_groups=copies)

    write_csv(train, public / "train_labels.csv")
    write_csv(test, private / "test.csv")
    write_csv(test.assign(InChI="InChI=1S/H2O/h1H2"), public / "sample_submission.csv")
    link(raw / "extra_approved_InChIs.csv", public / "extra_approved_InChIs.csv")
    link_files(raw / "train", public / "train", image_paths(train))
    link_files(raw / "train", public / "test", image_paths(test))


def image_paths(molecules: pd.DataFrame) -> list[str]:
    """Three levels of folders, named for the first three characters of the id."""
    return [f"{name[0]}/{name[1]}/{name[2]}/{name}.png" for name in molecules["image_id"]]
