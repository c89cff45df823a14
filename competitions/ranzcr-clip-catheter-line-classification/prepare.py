from pathlib import Path

from mlebench.data import Edition, link_files, read_csv, write_csv
from mlebench.data.groups import same_content, united

from .labels import LABELS, V1_LABELS


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    images = read_csv(raw / "train.csv")
    files = images["StudyInstanceUID"] + ".jpg"
    copies = None if edition.is_v1 else same_content(raw / "train" / file for file in files)
    patients = None if copies is None else united(images["PatientID"], copies)
    train, test = edition.split(images, test_size=0.1, v2_groups=patients)
    annotations = read_csv(raw / "train_annotations.csv")

    link_files(raw / "train", public / "train", files[train.index])
    link_files(raw / "train", public / "test", files[test.index])
    write_csv(train, public / "train.csv")
    write_csv(annotations[annotations["StudyInstanceUID"].isin(train["StudyInstanceUID"])], public / "train_annotations.csv")
    write_csv(test, private / "test.csv")
    scored = V1_LABELS if edition.is_v1 else LABELS
    write_csv(test[["StudyInstanceUID"]].assign(**dict.fromkeys(scored, 0)), public / "sample_submission.csv")
