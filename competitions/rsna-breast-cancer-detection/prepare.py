from pathlib import Path

from mlebench.data import Edition, link_files, read_csv, write_csv
from mlebench.data.groups import same_content, united

TEST_COLUMNS = ["site_id", "patient_id", "image_id", "laterality", "view", "age", "implant", "machine_id", "cancer"]


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    images = read_csv(raw / "train.csv")
    files = images["patient_id"].astype(str) + "/" + images["image_id"].astype(str) + ".dcm"
    copies = files if edition.is_v1 else same_content(raw / "train_images" / file for file in files)
    images_of = images.assign(group=united(images["patient_id"], copies)).groupby("patient_id", sort=False)
    patients = images_of.agg(site=("site_id", "first"), has_cancer=("cancer", "max"), group=("group", "first"))
    kind = patients["site"].astype(str) + patients["has_cancer"].astype(str)
    _, test_patients = edition.split(
        patients.index.to_numpy(), test_size=0.1, v1_seed=42, v2_groups=patients["group"], v2_stratify=kind
    )
    is_test = images["patient_id"].isin(test_patients)

    train, test = images[~is_test], images.loc[is_test, TEST_COLUMNS]
    test = test.assign(prediction_id=test["patient_id"].astype(str) + "_" + test["laterality"])
    answers = test.groupby("prediction_id", as_index=False)["cancer"].first()
    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns="cancer"), public / "test.csv")
    write_csv(answers, private / "answers.csv")
    write_csv(answers.assign(cancer=train["cancer"].mean()), public / "sample_submission.csv")

    link_files(raw / "train_images", public / "train_images", files[~is_test])
    link_files(raw / "train_images", public / "test_images", files[is_test])
