from pathlib import Path

import numpy as np

from mlebench.data import Edition, link_files, read_csv, write_csv
from mlebench.data.groups import same_content


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    pets = read_csv(raw / "train.csv")
    files = pets["Id"] + ".jpg"
    copies = None if edition.is_v1 else same_content(raw / "train" / file for file in files)
    train, test = edition.split(pets, test_size=0.1, v2_groups=copies)

    link_files(raw / "train", public / "train", files[train.index])
    link_files(raw / "train", public / "test", files[test.index])
    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns="Pawpularity"), public / "test.csv")
    write_csv(test, private / "test.csv")
    random_scores = np.random.default_rng(0).uniform(1, 100, len(test)).round(2)
    write_csv(test[["Id"]].assign(Pawpularity=random_scores), public / "sample_submission.csv")
