from pathlib import Path

from mlebench.data import Edition, read_csv, write_csv, write_zipped_csv


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    phrases = read_csv(raw / "train.tsv.zip", sep="\t", text=not edition.is_v1)
    train, test = edition.split(phrases, test_size=0.3, v2_groups=phrases["SentenceId"])

    write_zipped_csv(train, public / "train.tsv.zip", sep="\t")
    write_zipped_csv(test.drop(columns="Sentiment"), public / "test.tsv.zip", sep="\t")
    write_csv(test, private / "answers.csv")
    write_csv(test[["PhraseId"]].assign(Sentiment=2), public / "sampleSubmission.csv")
