import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from mlebench.data import Edition, Member, open_member, write_zip

from .draws import Draws

TEST_SHARE = 0.01
V1_LINES = 30_301_028
HEADER = '"id","sentence"\n'
BLOCK = 1 << 20


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    random = np.random.RandomState(0 if edition.is_v1 else np.random.MT19937(edition.seed()))
    sample = private / "sample_submission.csv" if edition.is_v1 else public / "sample_submission.csv"
    with (
        sample.open("w", encoding="utf-8", newline="") as test,
        (private / "test.csv").open("w", encoding="utf-8", newline="") as answers,
    ):
        train = divide(read_corpus(raw / "train_v2.txt.zip", edition), test, answers, Draws(random, TEST_SHARE))
        write_zip(public / "train_v2.txt.zip", [Member("train_v2.txt", train)])
    write_zip(public / "test_v2.txt.zip", [Member("test_v2.txt", sample)])


def read_corpus(archive: Path, edition: Edition) -> Iterator[bytes]:
    """The corpus in blocks of whole lines, each ending with a newline except possibly the last."""
    # v1 also treats a lone carriage return as a line ending
    newline, left = (None, V1_LINES) if edition.is_v1 else ("\n", None)
    try:
        with open_member(archive, "train_v2.txt") as corpus:
            for block in whole_lines(corpus, universal=edition.is_v1):
                if left is not None:
                    block = first_lines(block, left)
                    left -= block.count(b"\n")
                block.decode()
                yield block
                if left == 0:
                    return
    except UnicodeDecodeError:
        # reports the position in text-file terms
        with open_member(archive, "train_v2.txt") as corpus:
            for _ in io.TextIOWrapper(corpus, encoding="utf-8", newline=newline):
                pass
        raise


def whole_lines(corpus: IO[bytes], *, universal: bool) -> Iterator[bytes]:
    """Split a file into blocks at line endings; `universal`: carriage returns become newlines, as in text files."""
    rest = b""
    while piece := corpus.read(BLOCK):
        block = rest + piece
        # the newline of a carriage return at the end may follow
        held = block[len(block) - universal * block.endswith(b"\r") :]
        block = block[: len(block) - len(held)]
        if universal and b"\r" in block:
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        end = block.rfind(b"\n") + 1
        rest = block[end:] + held
        if end:
            yield block[:end]
    if rest:
        yield rest.replace(b"\r", b"\n") if universal else rest


def first_lines(block: bytes, count: int) -> bytes:
    """The block without the lines after the first `count`."""
    return block if block.count(b"\n") <= count else block[: int(line_ends(block)[count - 1])]


def line_ends(block: bytes) -> np.ndarray:
    """The positions after the newlines of a block, and its end if the last line has none."""
    ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n")) + 1
    return ends if block.endswith(b"\n") else np.append(ends, len(block))


def divide(corpus: Iterator[bytes], test: IO[str], answers: IO[str], draws: Draws) -> Iterator[bytes]:
    """Write sentences with one inner token missing to `test` and whole to `answers`, and yield the rest for train."""
    test.write(HEADER)
    answers.write(HEADER)
    number = 0
    for block in corpus:
        ends = [0, *line_ends(block).tolist()]
        kept = line = 0
        while (line := line + draws.lines_before_hit(len(ends) - 1 - line)) < len(ends) - 1:
            start, line = ends[line], line + 1
            text = block[start : ends[line]].decode()
            if len(text.split()) < 3:
                continue
            yield block[kept:start]
            kept = ends[line]
            sentence = text.strip().replace('"', '""')
            tokens = sentence.split()
            del tokens[draws.integer(1, len(tokens) - 1)]
            test.write(f'{number},"{" ".join(tokens)}"\n')
            answers.write(f'{number},"{sentence}"\n')
            number += 1
        yield block[kept:]
