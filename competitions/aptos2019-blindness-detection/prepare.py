from pathlib import Path

from mlebench.data import Edition, link_files, read_csv, write_csv
from mlebench.data.groups import same_content


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    photos = read_csv(raw / "train.csv")
    files = photos["id_code"] + ".png"
    copies = None if edition.is_v1 else same_content(raw / "train_images" / file for file in files)
    train, test = edition.split(photos, test_size=0.1, v2_groups=copies, v2_stratify=photos["diagnosis"])

    link_files(raw / "train_images", public / "train_images", files[train.index])
    link_files(raw / "train_images", public / "test_images", files[test.index])
    write_csv(train, public / "train.csv")
    write_csv(test[["id_code"]], public / "test.csv")
    write_csv(test, private / "test.csv")
    write_csv(test[["id_code"]].assign(diagnosis=0), public / "sample_submission.csv")
