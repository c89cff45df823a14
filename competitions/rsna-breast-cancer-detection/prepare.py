from pathlib import Path

from mlebench.data import Edition, link_files, read_csv, write_csv

TEST_COLUMNS = ["site_id", "patient_id", "image_id", "laterality", "view", "age", "implant", "machine_id", "cancer"]


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    images = read_csv(raw / "train.csv")
    patients = images.groupby("patient_id", sort=False).agg(site=("site_id", "first"), has_cancer=("cancer", "max"))
    kind = patients["site"].astype(str) + patients["has_cancer"].astype(str)
    _, test_patients = edition.split(patients.index.to_numpy(), test_size=0.1, v1_seed=42, v2_stratify=kind)
    is_test = images["patient_id"].isin(test_patients)

    train, test = images[~is_test], images.loc[is_test, TEST_COLUMNS]
    test = test.assign(prediction_id=test["patient_id"].astype(str) + "_" + test["laterality"])
    answers = test.groupby("prediction_id", as_index=False)["cancer"].first()
    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns="cancer"), public / "test.csv")
    write_csv(answers, private / "answers.csv")
    write_csv(answers.assign(cancer=train["cancer"].mean()), public / "sample_submission.csv")

    files = images["patient_id"].astype(str) + "/" + images["image_id"].astype(str) + ".dcm"
    link_files(raw / "train_images", public / "train_images", files[~is_test])
    link_files(raw / "train_images", public / "test_images", files[is_test])
