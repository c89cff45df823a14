from pathlib import Path

from mlebench.data import Edition, read_csv, write_csv


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    questions = read_csv(raw / "train.csv", text=not edition.is_v1)
    train, test = edition.split(questions, test_size=0.1, v2_groups=questions["context"], v2_stratify=questions["language"])

    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns=["answer_text", "answer_start"]), public / "test.csv")
    write_csv(test[["id", "answer_text"]].rename(columns={"answer_text": "PredictionString"}), private / "test.csv")
    write_csv(test[["id"]].assign(PredictionString="dummy text"), public / "sample_submission.csv")
