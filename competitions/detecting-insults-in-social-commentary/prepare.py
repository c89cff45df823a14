from pathlib import Path

from mlebench.data import Edition, link, read_csv, write_csv

from .columns import COMMENTS, LABELLED, NUMBERED


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    link(raw / "train.csv", public / "train.csv")
    answers = read_csv(raw / "test_with_solutions.csv", text=not edition.is_v1)
    if edition.is_v1:
        # the text is the only id of a row
        id_and_target, texts = LABELLED, COMMENTS
        link(raw / "test_with_solutions.csv", private / "test.csv")
    else:
        id_and_target, texts = ["id", "Insult"], NUMBERED
        answers.insert(0, "id", range(len(answers)))
        write_csv(answers, private / "test.csv")

    write_csv(answers[texts], public / "test.csv")
    write_csv(answers[id_and_target], private / "gold_submission.csv")
    write_csv(answers[id_and_target].assign(Insult=0), public / "sample_submission_null.csv")
