from pathlib import Path

from mlebench.data import Edition, link_files, read_csv, write_csv

NOT_SCORED_IN_V1 = ["CVC - Normal", "Swan Ganz Catheter Present"]


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    images = read_csv(raw / "train.csv")
    files = images["StudyInstanceUID"] + ".jpg"
    train, test = edition.split(images, test_size=0.1, groups=images["PatientID"])
    annotations = read_csv(raw / "train_annotations.csv")

    link_files(raw / "train", public / "train", files[train.index])
    link_files(raw / "train", public / "test", files[test.index])
    write_csv(train, public / "train.csv")
    write_csv(annotations[annotations["StudyInstanceUID"].isin(train["StudyInstanceUID"])], public / "train_annotations.csv")
    write_csv(test, private / "test.csv")
    scored = test.drop(columns=["PatientID", *(NOT_SCORED_IN_V1 if edition.is_v1 else [])])
    write_csv(scored.assign(**dict.fromkeys(scored.columns[1:], 0)), public / "sample_submission.csv")
