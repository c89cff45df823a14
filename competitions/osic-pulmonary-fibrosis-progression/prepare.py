from pathlib import Path

import pandas as pd

from mlebench.data import Edition, link_tree, read_csv, take_groups, write_csv
from mlebench.data.groups import same_folders


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    visits = read_csv(raw / "train.csv")
    patients = visits["Patient"].drop_duplicates().sort_values()
    scans = None if edition.is_v1 else same_folders(raw / "train" / patient for patient in patients)
    train_patients, test_patients = edition.split(patients, test_size=0.1, v2_groups=scans)
    train = take_groups(visits, "Patient", train_patients)
    test = take_groups(visits, "Patient", test_patients).drop_duplicates(["Patient", "Weeks"])
    in_order = test.sort_values("Weeks", kind="quicksort" if edition.is_v1 else "stable")
    answers = fill_weeks(test, test["Weeks"] if edition.is_v1 else visits["Weeks"])

    write_csv(train, public / "train.csv")
    write_csv(in_order.groupby("Patient", as_index=False).first(), public / "test.csv")
    write_csv(answers, private / "test.csv")
    write_csv(answers[["Patient_Week"]].assign(FVC=2000, Confidence=100), public / "sample_submission.csv")
    for part, patients in (("train", train_patients), ("test", test_patients)):
        for patient in patients:
            link_tree(raw / "train" / patient, public / part / patient)


def fill_weeks(visits: pd.DataFrame, weeks: pd.Series) -> pd.DataFrame:
    """One row per patient and week from the first to the last of `weeks`; those without a visit are empty."""
    every_week = pd.DataFrame({"Weeks": range(weeks.min(), weeks.max() + 1)})
    grid = visits[["Patient"]].drop_duplicates().merge(every_week, how="cross").merge(visits, how="left")
    return grid.assign(Patient_Week=grid["Patient"] + "_" + grid["Weeks"].astype(str), Confidence=100)
