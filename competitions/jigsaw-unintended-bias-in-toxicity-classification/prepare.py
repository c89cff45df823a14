from pathlib import Path

from mlebench.data import Edition, link, read_csv, write_csv


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    link(raw / "train.csv", public / "train.csv")
    link(raw / "test_private_expanded.csv", private / "test.csv")

    comments = read_csv(raw / "test_private_expanded.csv", usecols=["id", "comment_text"], text=not edition.is_v1)
    write_csv(comments[["id", "comment_text"]], public / "test.csv")
    write_csv(comments[["id"]].assign(prediction=0.0), public / "sample_submission.csv")
