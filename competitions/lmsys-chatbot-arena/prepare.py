from pathlib import Path

from mlebench.data import Edition, read_csv, write_csv

from .columns import CONVERSATION, VERDICTS


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    battles = read_csv(raw / "train.csv", text=not edition.is_v1)
    train, test = edition.split(battles, test_size=0.1, v2_groups=battles["prompt"])

    write_csv(train, public / "train.csv")
    write_csv(test[CONVERSATION], public / "test.csv")
    write_csv(test[["id"]].assign(**dict.fromkeys(VERDICTS, 1 / 3)), public / "sample_submission.csv")
    write_csv(test if edition.is_v1 else test[["id", *VERDICTS]], private / "answers.csv")
