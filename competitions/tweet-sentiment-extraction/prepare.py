from pathlib import Path

from mlebench.data import Edition, read_csv, write_csv


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    tweets = read_csv(raw / "train.csv", text=not edition.is_v1)
    if not edition.is_v1:
        tweets = tweets[(tweets["text"] != "") & (tweets["selected_text"] != "")]
    train, test = edition.split(tweets, test_size=0.1, v2_stratify=tweets["sentiment"])

    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns="selected_text"), public / "test.csv")
    write_csv(test, private / "test.csv")
    sample = test[["textID"]].assign(selected_text="" if edition.is_v1 else test["text"])
    write_csv(sample, public / "sample_submission.csv")
