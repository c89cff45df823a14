import io
from pathlib import Path

import numpy as np

from mlebench.data import Edition, Member, link, open_member, scratch, write_zip

TEST_SHARE = 0.01
V1_LINES = 30_301_028
HEADER = '"id","sentence"\n'


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    random = np.random.RandomState(0 if edition.is_v1 else np.random.MT19937(edition.seed()))
    # v1 takes a lone carriage return for the end of a line, too
    newline, most_lines = (None, V1_LINES) if edition.is_v1 else ("\n", None)
    sample = private / "sample_submission.csv" if edition.is_v1 else public / "sample_submission.csv"
    with scratch(public) as unpacked, open_member(raw / "train_v2.txt.zip", "train_v2.txt") as packed:
        train, test = unpacked / "train_v2.txt", unpacked / "test_v2.txt"
        with io.TextIOWrapper(packed, encoding="utf-8", newline=newline) as corpus:
            divide(corpus, train, test, private / "test.csv", random, most_lines)
        link(test, sample)
        for file in (train, test):
            write_zip(public / f"{file.name}.zip", [Member(file.name, file)])


def divide(
    corpus: io.TextIOWrapper, train: Path, test: Path, answers: Path, random: np.random.RandomState, most_lines: int | None
) -> None:
    """Write each sentence to train, or with one inner token missing to test and whole to the answers."""
    with (
        train.open("w", encoding="utf-8", newline="") as train_file,
        test.open("w", encoding="utf-8", newline="") as test_file,
        answers.open("w", encoding="utf-8", newline="") as answer_file,
    ):
        test_file.write(HEADER)
        answer_file.write(HEADER)
        number = 0
        for place, line in enumerate(corpus):
            if place == most_lines:
                break
            if random.uniform() > TEST_SHARE or len(line.split()) < 3:
                train_file.write(line)
                continue
            sentence = line.strip().replace('"', '""')
            tokens = sentence.split()
            del tokens[random.randint(1, len(tokens) - 1)]
            test_file.write(f'{number},"{" ".join(tokens)}"\n')
            answer_file.write(f'{number},"{sentence}"\n')
            number += 1
