from pathlib import Path

import numpy as np

from mlebench.data import Edition, LargeTable, extract, scratch, write_csv

from .tags import COMMON_TAGS


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    with scratch(public) as unpacked:
        extract(raw / "Train.zip", unpacked)
        questions = LargeTable.scan(unpacked / "Train.csv", dtype=str, text=not edition.is_v1)
        same_question = None if edition.is_v1 else questions.hashes(["Title", "Body"])
        train, test = edition.split(np.arange(len(questions)), test_size=0.1, v2_groups=same_question)
        questions.write(train, public / "train.csv")
        test_questions = questions.take(test)

    unlabelled = test_questions.drop(columns="Tags")
    write_csv(unlabelled, public / "test.csv")
    sample = unlabelled if edition.is_v1 else unlabelled[["Id"]]
    write_csv(sample.assign(Tags=COMMON_TAGS), public / "sample_submission.csv")
    write_csv(test_questions if edition.is_v1 else test_questions[["Id", "Tags"]], private / "test.csv")
