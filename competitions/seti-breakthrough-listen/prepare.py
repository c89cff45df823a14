from pathlib import Path

import pandas as pd

from mlebench.data import Edition, link_files, link_tree, read_csv, write_csv
from mlebench.data.groups import same_content


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    snippets = read_csv(raw / "train_labels.csv", dtype={"id": str})
    copies = None if edition.is_v1 else same_content(raw / "train" / path for path in paths(snippets))
    train, test = edition.split(snippets, test_size=0.1, v2_groups=copies)

    write_csv(train, public / "train_labels.csv")
    write_csv(test, private / "test.csv")
    write_csv(test.assign(target=0.5), public / "sample_submission.csv")
    link_files(raw / "train", public / "train", paths(train))
    link_files(raw / "train", public / "test", paths(test))
    if edition.is_v1:
        link_tree(raw / "old_leaky_data", public / "old_leaky_data")


def paths(snippets: pd.DataFrame) -> list[str]:
    return [f"{name[0]}/{name}.npy" for name in snippets["id"]]
