"""The shape that the two text normalisation competitions share: one row per token, split by sentence."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mlebench.data.archives import Member, write_zip
from mlebench.data.tables import read_csv, write_csv, write_zipped_csv
from mlebench.registry.edition import Edition

_ROWS = 20_000
"""Rows that are written at a time."""


class Token(NamedTuple):
    """A token: its class, its written and its spoken form."""

    kind: str
    before: str
    after: str


def prepare_tokens(raw: Path, public: Path, private: Path, edition: Edition, *, language: str) -> None:
    """Split `<language>_train.csv.zip` by sentence into zipped public tables and private answers.

    v1 reads words such as `NA` as missing, zips the sample and keeps the plain one private; v2 reads every token as text and
    publishes the plain sample.

    Args:
        language: prefix of the file names, `en` or `ru`.
    """
    options: dict[str, Any] = {} if edition.is_v1 else {"text": True, "dtype": dict.fromkeys(("class", "before", "after"), str)}
    tokens = read_csv(raw / f"{language}_train.csv.zip", **options)
    train_sentences, test_sentences = edition.split(tokens["sentence_id"].unique(), test_size=0.1)
    train, answers = (renumbered(tokens[tokens["sentence_id"].isin(ids)]) for ids in (train_sentences, test_sentences))
    del tokens

    test = answers[["sentence_id", "token_id", "before"]]
    answers = answers.assign(id=answers["sentence_id"].astype(str) + "_" + answers["token_id"].astype(str))
    sample = answers[["id", "before"]].rename(columns={"before": "after"})

    write_quoted(answers[["id", "after"]], private / "answers.csv")
    write_zipped(train, public / f"{language}_train.csv.zip")
    write_zipped(test, public / f"{language}_test_2.csv.zip")
    if edition.is_v1:
        write_quoted(sample, private / "sample_submission.csv")
        write_zipped(sample, public / f"{language}_sample_submission_2.csv.zip")
    else:
        write_quoted(sample, public / "sample_submission.csv")


def write_quoted(table: pd.DataFrame, path: Path) -> None:
    """Write a table as csv with all texts in quotes, making the folder if need be."""
    if not _is_plain(table):
        write_csv(table, path, quoting=csv.QUOTE_NONNUMERIC)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.writelines(_quoted(table))


def write_zipped(table: pd.DataFrame, archive: Path) -> None:
    """Write the same as the only member of a zip, which is packed while it is written."""
    if _is_plain(table):
        write_zip(archive, [Member(archive.stem, _quoted(table))])
    else:
        write_zipped_csv(table, archive, quoting=csv.QUOTE_NONNUMERIC)


def _is_plain(table: pd.DataFrame) -> bool:
    """Whether a table holds nothing but whole numbers, texts and missing texts."""
    return all(kind == np.int64 or _is_text(table[str(name)]) for name, kind in table.dtypes.items())


def _is_text(column: pd.Series) -> bool:
    return column.dtype == np.dtype(object) and pd.api.types.infer_dtype(column, skipna=True) in ("string", "empty")


def _quoted(table: pd.DataFrame) -> Iterator[bytes]:
    """What `to_csv` writes of a plain table, some rows at a time."""
    yield (",".join(f'"{name}"' for name in table.columns) + "\n").encode()
    numbers = [kind == np.int64 for kind in table.dtypes]
    quotes = ["" if number else '"' for number in numbers]
    # what stands before each cell, and an empty place for it
    row = [piece for before, quote in zip(["", *quotes], quotes, strict=False) for piece in (f"{before},{quote}", "")]
    row = [quotes[0], *row[1:], f"{quotes[-1]}\n"]
    for start in range(0, len(table), _ROWS):
        part = table.iloc[start : start + _ROWS]
        pieces = row * len(part)
        for place, number in enumerate(numbers):
            cells = part.iloc[:, place]
            pieces[2 * place + 1 :: len(row)] = map(str, cells.tolist()) if number else _doubled(cells)
        yield "".join(pieces).encode()


def _doubled(texts: pd.Series) -> list[str]:
    """Texts with their quotes doubled; nothing for a missing one."""
    found = (texts.where(texts.notna(), "") if texts.hasnans else texts).tolist()
    return [text.replace('"', '""') if '"' in text else text for text in found] if '"' in "".join(found) else found


def renumbered(tokens: pd.DataFrame) -> pd.DataFrame:
    """The same rows, sentences numbered from 0 in the order of their appearance."""
    return tokens.assign(sentence_id=pd.factorize(tokens["sentence_id"])[0])


def mock_tokens(raw: Path, rng: np.random.Generator, size: int, vocabulary: Sequence[Token], *, language: str) -> None:
    """Write the raw zips: `size` tokens in sentences of about six as train, and the files of the second stage that nobody reads.

    Args:
        vocabulary: the tokens drawn from. The first begins every sentence: a word, so that no part of a tiny table is numeric.
    """
    raw.mkdir(parents=True, exist_ok=True)
    sentence = np.sort(rng.integers(0, max(2, size // 6), size))
    token_id = pd.Series(sentence).groupby(sentence).cumcount()
    drawn = np.where(token_id == 0, 0, rng.integers(0, len(vocabulary), size))
    tokens = pd.DataFrame([vocabulary[k] for k in drawn], columns=list(Token._fields))
    tokens.insert(0, "sentence_id", sentence)
    tokens.insert(1, "token_id", token_id)

    unread = tokens.head(3)
    ids = unread["sentence_id"].astype(str) + "_" + unread["token_id"].astype(str)
    write_zipped(tokens.rename(columns={"kind": "class"}), raw / f"{language}_train.csv.zip")
    write_zipped(unread[["sentence_id", "token_id", "before"]], raw / f"{language}_test_2.csv.zip")
    write_zipped(pd.DataFrame({"id": ids, "after": unread["before"]}), raw / f"{language}_sample_submission_2.csv.zip")
