from pathlib import Path

from mlebench.data import Edition, link_files, read_csv, write_csv
from mlebench.data.groups import same_content

KAGGLE_TRAIN, KAGGLE_TEST = 220_025, 57_458


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    labels = read_csv(raw / "train_labels.csv")[["id", "label"]]
    copies = None if edition.is_v1 else same_content(raw / "train" / f"{name}.tif" for name in labels["id"])
    share = share_of_test(raw, len(labels), edition)
    drawn = edition.split(labels, test_size=share, v2_groups=copies, v2_stratify=labels["label"])
    train, test = (part.sort_index() for part in drawn)

    link_files(raw / "train", public / "train", train["id"] + ".tif")
    link_files(raw / "train", public / "test", test["id"] + ".tif")
    write_csv(train, public / "train_labels.csv")
    write_csv(test, private / "answers.csv")
    write_csv(test.assign(label=0), public / "sample_submission.csv")


def share_of_test(raw: Path, n_train: int, edition: Edition) -> float:
    """Kaggle's share of test images; v1 counts it in the raw data."""
    n_test = sum(1 for _ in (raw / "test").glob("*.tif")) if edition.is_v1 else None
    return n_test / (n_train + n_test) if n_test else KAGGLE_TEST / (KAGGLE_TRAIN + KAGGLE_TEST)
