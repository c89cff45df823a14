"""Texts of test that stand in train, too, whole, changed or in part; and phrases that everybody uses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.twin_texts import twin_texts
from tests.preparation.audit.checks.planted import case_of, clues, told

TWINS = 8
_LETTERS = [*"abcdefghijklmnopqrstuvwxyz"]


def texts(count: int, words: int, rng: np.random.Generator) -> list[str]:
    known = ["".join(rng.choice(_LETTERS, rng.integers(3, 9))) for _ in range(3000)]
    return [" ".join(rng.choice(known, words)).capitalize() + "." for _ in range(count)]


def split(public: Path, train: list[str], test: list[str], column: str = "essay") -> Case:
    rng = np.random.default_rng(5)
    labels = [str(one) for one in rng.integers(0, 3, len(train))]
    pd.DataFrame({"id": range(len(train)), column: train, "label": labels}).to_csv(public / "train.csv", index=False)
    names = [f"t{row}" for row in range(len(test))]
    pd.DataFrame({"id": names, column: test}).to_csv(public / "test.csv", index=False)
    return case_of(public, pd.DataFrame({"id": names, "label": rng.integers(0, 3, len(test))}))


def with_words_changed(text: str) -> str:
    words = text.split()
    words[len(words) // 3] = "otherwise"
    return " ".join(words)


CHANGES: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "in capitals, with other spaces and marks": lambda text: text.upper().replace(" ", "  ").replace(".", " !!"),
    "with an accent": lambda text: text.replace("e", "é"),
    "with a word changed": with_words_changed,
    "a half of it": lambda text: text[: len(text) // 2],
    "within a longer one": lambda text: (
        "Once upon a time there was something else to read. " + text + " And this is how it ended."
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_copies_tell_the_answers_of_their_training_texts(tmp_path: Path, change: str) -> None:
    rng = np.random.default_rng(0)
    train, test = texts(200, 50, rng), texts(60, 50, rng)
    test[:TWINS] = [CHANGES[change](text) for text in train[40 : 40 + TWINS]]
    case = split(tmp_path, train, test)

    (clue,) = clues(twin_texts, case)

    labels = pd.read_csv(tmp_path / "train.csv", dtype=str)["label"][40 : 40 + TWINS]
    assert told(clue, case) == {f"t{row}": label for row, label in enumerate(labels)}


def test_texts_of_their_own_are_no_twins(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    assert clues(twin_texts, split(tmp_path, texts(300, 50, rng), texts(100, 50, rng))) == []


def test_short_phrases_are_equal_by_chance(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    phrases = ["Thank you very much!", "I do not agree at all.", "What is the matter?", "This is great news."]
    assert clues(twin_texts, split(tmp_path, [*rng.choice(phrases, 200)], [*rng.choice(phrases, 60)])) == []


def test_what_all_texts_begin_with_makes_no_twins(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    opening = (
        "Dear Sir or Madam, I write to you about the apartment that was advertised in the newspaper of last Sunday, and ask for "
    )
    train, test = ([opening + text for text in texts(count, 12, rng)] for count in (200, 60))
    assert clues(twin_texts, split(tmp_path, train, test)) == []


def test_texts_made_of_a_few_pieces_are_alike_by_chance(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pieces = texts(12, 12, rng)
    train, test = ([" ".join(rng.choice(pieces, 3)) for _ in range(count)] for count in (200, 60))
    assert clues(twin_texts, split(tmp_path, train, test)) == []


def test_text_files_are_compared_by_test_unit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    train, test = texts(60, 60, rng), texts(20, 60, rng)
    test[:TWINS] = [text.lower() for text in train[:TWINS]]
    for side, written in (("train", train), ("test", test)):
        (tmp_path / side).mkdir()
        for row, text in enumerate(written):
            (tmp_path / side / f"{side[:2]}{row:03}.txt").write_text(text)
    ids = [f"tr{row:03}" for row in range(60)]
    pd.DataFrame({"id": ids, "label": [row % 2 for row in range(60)]}).to_csv(tmp_path / "train_labels.csv", index=False)
    case = case_of(
        tmp_path, pd.DataFrame({"id": [f"te{row:03}" for row in range(20)], "label": [row % 3 % 2 for row in range(20)]})
    )

    (clue,) = clues(twin_texts, case)

    assert told(clue, case) == {f"te{row:03}": str(row % 2) for row in range(TWINS)}
    assert clue.file == "test/*"


def test_sequences_that_differ_in_a_base_or_two_are_near_copies(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    train, test = (["".join(rng.choice([*"ACGU"], 107)) for _ in range(count)] for count in (200, 60))
    other = str.maketrans("ACGU", "CGUA")
    test[:TWINS] = [text[:50] + text[50:52].translate(other) + text[52:] for text in train[:TWINS]]
    (clue,) = clues(twin_texts, split(tmp_path, train, test, "sequence"))
    assert clue.rows == TWINS
