from pathlib import Path

from sklearn.datasets import load_wine

from mlebench.data import Edition, one_hot, write_csv
from mlebench.data.bundled import bundled_table

CULTIVARS = ["cultivar_0", "cultivar_1", "cultivar_2"]


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    wines = bundled_table(load_wine(as_frame=True), edition).rename(columns={"target": "cultivar"})
    wines["cultivar"] = "cultivar_" + wines["cultivar"].astype(str)
    train, test = edition.split(wines, test_size=0.5, v2_stratify=wines["cultivar"])
    answers = test[["id"]].join(one_hot(test["cultivar"], CULTIVARS))

    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns="cultivar"), public / "test.csv")
    write_csv(answers, private / "answers.csv")
    write_csv(answers[["id"]].assign(**dict.fromkeys(CULTIVARS, 1 / 3)), public / "sample_submission.csv")
