"""Sentences are divided in blocks, with the draws and the bytes of going through them line by line."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mlebench.data import Edition, Member, write_zip
from mlebench.preparation import prepare
from mlebench.registry import Registry

from .folders import module

code = module("billion-word-imputation", "prepare")
Draws = module("billion-word-imputation", "draws").Draws


def plain_divide(corpus: io.TextIOWrapper, rng: np.random.RandomState, share: float, most: int | None) -> list[str]:
    """The specification: train, test and answers, line by line."""
    train, test, answers = [], [code.HEADER], [code.HEADER]
    for place, line in enumerate(corpus):
        if place == most:
            break
        if rng.uniform() > share or len(line.split()) < 3:
            train.append(line)
            continue
        sentence = line.strip().replace('"', '""')
        tokens = sentence.split()
        del tokens[rng.randint(1, len(tokens) - 1)]
        test.append(f'{len(test) - 1},"{" ".join(tokens)}"\n')
        answers.append(f'{len(answers) - 1},"{sentence}"\n')
    return ["".join(train), "".join(test), "".join(answers)]


def corpora() -> Iterator[bytes]:
    """Texts with all ends of lines, spaces that only text knows, quotes, short lines and no end of the last line."""
    draw = random.Random(0)
    tokens = ["a", '"', "said", "é", "日本", "x\u2028y", "\u00a0", "\u0085", "\x1c", "  ", "\t", "\x0b", "NA"]
    for ends in (["\n"], ["\n", "\r\n"], ["\r"], ["\n", "\r", "\r\n", "\n\r", "\r\r\n"], [" \n\n"]):
        lines = [" ".join(draw.choices(tokens, k=draw.randrange(12))) + draw.choice(ends) for _ in range(3_000)]
        yield "".join(lines).encode()
        yield "".join(lines).rstrip("\r\n").encode()
    yield from (b"", b"\n", b"\r", b"one two three four", b"a b c d\r", b"a b c d\r\n")


@pytest.mark.parametrize("edition", ["v1", "v2"])
@pytest.mark.parametrize("share", [0.01, 0.7])
def test_the_draws_and_bytes_are_those_of_going_line_by_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, edition: str, share: float
) -> None:
    universal = edition == "v1"
    draw = random.Random(1)
    for number, content in enumerate(corpora()):
        monkeypatch.setattr(code, "BLOCK", draw.choice([1, 7, 1000, 1 << 20]) if len(content) < 10**6 else 1 << 20)
        monkeypatch.setattr(module("billion-word-imputation", "draws"), "_WORDS", draw.choice([1, 2, 3, 1000]))
        for most in (None, 1, 1234) if universal else (None,):
            monkeypatch.setattr(code, "V1_LINES", most)
            write_zip(tmp_path / "a.zip", [Member("train_v2.txt", iter([content]))])
            text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline=None if universal else "\n")
            expected = plain_divide(text, np.random.RandomState(number), share, most)
            test, answers = io.StringIO(), io.StringIO()
            corpus = code.read_corpus(tmp_path / "a.zip", Edition(edition, None))
            train = b"".join(code.divide(corpus, test, answers, Draws(np.random.RandomState(number), share)))
            assert [train.decode(), test.getvalue(), answers.getvalue()] == expected


@pytest.mark.parametrize("edition", ["v1", "v2"])
def test_text_that_is_not_utf8_is_refused_in_the_words_of_a_text_file(tmp_path: Path, edition: str) -> None:
    content = b"one two three\n" * 200_000 + b"\xff\n" + b"four five six\n" * 200_000
    (tmp_path / "raw").mkdir()
    write_zip(tmp_path / "raw/train_v2.txt.zip", [Member("train_v2.txt", iter([content]))])
    with pytest.raises(UnicodeDecodeError) as plain:
        io.TextIOWrapper(io.BytesIO(content), encoding="utf-8").read(len(content))
    with pytest.raises(UnicodeDecodeError) as quick:
        list(code.read_corpus(tmp_path / "raw/train_v2.txt.zip", Edition(edition, None)))
    assert quick.value.reason == plain.value.reason and quick.value.start < 8192
    competition = Registry(tmp_path / "data", edition).get_competition("billion-word-imputation")
    with pytest.raises(Exception, match="codec can't decode byte 0xff"):
        prepare(competition, tmp_path / "raw", mock=True)
