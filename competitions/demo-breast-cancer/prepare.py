from pathlib import Path

from sklearn.datasets import load_breast_cancer

from mlebench.data import Edition, write_csv
from mlebench.data.bundled import bundled_table


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    cells = bundled_table(load_breast_cancer(as_frame=True), edition).rename(columns={"target": "malignant"})
    # scikit-learn codes benign as 1
    cells["malignant"] = 1 - cells["malignant"]
    train, test = edition.split(cells, test_size=0.5, v2_stratify=cells["malignant"])

    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns="malignant"), public / "test.csv")
    write_csv(test[["id", "malignant"]], private / "answers.csv")
    write_csv(test[["id"]].assign(malignant=0.5), public / "sample_submission.csv")
