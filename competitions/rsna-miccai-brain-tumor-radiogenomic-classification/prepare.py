from pathlib import Path

import pandas as pd

from mlebench.data import Edition, link_tree, read_csv, write_csv
from mlebench.data.groups import same_folders

TROUBLED = ["00109", "00123", "00709"]


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    cases = read_csv(raw / "train_labels.csv", dtype={"BraTS21ID": str, "MGMT_value": int})
    if edition.is_v1:
        train, test = edition.split(cases, test_size=0.1)
    else:
        scans = pd.Series(same_folders(raw / "train" / case for case in cases["BraTS21ID"]), index=cases.index)
        troubled = scans.isin(scans[cases["BraTS21ID"].isin(TROUBLED)])
        testable = cases[~troubled]
        train, test = edition.split(testable, test_size=0.1, groups=scans[~troubled], stratify=testable["MGMT_value"])
        train = pd.concat([train, cases[troubled]])

    write_csv(train, public / "train_labels.csv")
    write_csv(test, private / "test.csv")
    write_csv(test.assign(MGMT_value=0.5), public / "sample_submission.csv")
    for part, folder in ((train, public / "train"), (test, public / "test")):
        for case in part["BraTS21ID"]:
            link_tree(raw / "train" / case, folder / case)
