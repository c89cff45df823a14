"""A second reading of a submission, by Python's csv module and the simplest of parsers, that shares no code with the grader.

It is stricter than graders need to be in nothing but what a cell, a row and a column are: whatever it refuses, a grader that
takes it has guessed.
"""

from __future__ import annotations

import csv
import io
import math
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence

import pandas as pd

from grading import Boolean, Column, Grader, Integer, IntegerList, Label, Probability, Real, RunLengths, Text
from grading.objects import ObjectList
from grading.submission import MISSING_WORDS

csv.field_size_limit(sys.maxsize)

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"[+-]?[0-9]+")


class Refused(Exception):
    """The strict reading does not understand the file; says why."""


class Strict:
    """A file, read strictly.

    Args:
        data: the bytes of the file.
    """

    def __init__(self, data: bytes) -> None:
        if b"\0" in data:
            raise Refused("a NUL byte")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Refused("not UTF-8") from None
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row and not (len(row) == 1 and not row[0].strip())]
        if not rows:
            raise Refused("no header")
        self.header, *self.rows = rows
        for row in self.rows:
            if len(row) > len(self.header) and any(row[len(self.header) :]):
                raise Refused("more cells than columns")

    def column(self, name: str) -> list[str]:
        """The cells of a column; a row that ends before it has a blank one."""
        if self.header.count(name) != 1:
            raise Refused(f"column {name} is there {self.header.count(name)} times")
        place = self.header.index(name)
        return [row[place] if place < len(row) else "" for row in self.rows]

    def rewritten(self, columns: Iterable[str]) -> bytes:
        """The same columns in the plainest of files."""
        names = list(columns)
        out = io.StringIO(newline="")
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(zip(*[self.column(name) for name in names], strict=True))
        return out.getvalue().encode()


def check(table: Strict, grader: Grader, answers: pd.DataFrame) -> None:
    """Raise `Refused` where a file that a grader took is not, cell by cell, what the grader asks for."""
    # `adapt` may give rows other ids in their order; the ids themselves must still be those of the answers
    loose = grader.adapt is not None or grader.graded is not None
    expected = Counter(zip(*[map(plain_id, answers[name].astype(str)) for name in grader.id_columns], strict=True))
    if loose or len(expected) < len(answers):
        expected = Counter(dict.fromkeys(expected, 1))
    found = Counter(zip(*[map(plain_id, table.column(name)) for name in grader.id_columns], strict=True))
    if not loose and found != expected:
        raise Refused(f"ids differ: {list((found - expected) or (expected - found))[:2]}")
    for name, kind in grader.columns_of(answers).items():
        sizes = kind.pixels if isinstance(kind, RunLengths) else 0
        largest = max(sizes) if isinstance(sizes, tuple) else sizes
        cells = table.column(submitted_name(name, table))
        if isinstance(kind, Real) and are_booleans(cells) and not isinstance(kind, Probability):
            raise Refused(f"column {name} holds True and False")
        if isinstance(kind, Real) and are_booleans(cells):
            continue
        for cell in cells:
            if not fits(cell, kind, largest):
                raise Refused(f"column {name}: {cell[:60]!r} is no {type(kind).__name__}")


def submitted_name(name: str, table: Strict) -> str:
    # jigsaw-unintended-bias takes the answers' column, too
    return "toxicity" if name == "prediction" and name not in table.header and "toxicity" in table.header else name


def plain_id(text: str) -> str:
    """An id without what spreadsheets and data frames do to whole numbers."""
    match = re.fullmatch(r"\s*(-?)0*([0-9]+)(?:\.0*)?\s*", text)
    return f"{match[1]}{match[2]}" if match else text


def are_booleans(cells: Sequence[str]) -> bool:
    return bool(cells) and {cell.lower() for cell in cells} <= {"true", "false"}


def fits(cell: str, kind: Column, pixels: int = 0) -> bool:
    """Whether a cell is of a kind."""
    if kind.reads_text and kind.missing_words and cell in MISSING_WORDS:
        cell = ""
    if isinstance(kind, Integer):
        return (
            is_number(cell)
            and float(cell).is_integer()
            and abs(float(cell)) < 2**53
            and within(float(cell), kind.minimum, kind.maximum)
        )
    if isinstance(kind, Real):
        if cell in MISSING_WORDS:
            return kind.may_be_empty
        return is_number(cell) and math.isfinite(float(cell)) and within(float(cell), kind.minimum, kind.maximum)
    if isinstance(kind, Boolean):
        return cell.strip().lower() in ("true", "false") or (is_number(cell) and float(cell) in (0, 1))
    if isinstance(kind, Label):
        return re.sub(r"\.0+$", "", cell.strip()) in kind.choices or cell.strip() in kind.choices
    if isinstance(kind, Text):
        return kind.allow_empty or cell != ""
    if isinstance(kind, IntegerList):
        tokens = cell.split()
        return (kind.allow_empty or bool(tokens)) and all(
            WHOLE.fullmatch(token) and within(int(token), kind.minimum, kind.maximum) for token in tokens
        )
    if isinstance(kind, RunLengths):
        return cell == kind.empty_word or are_runs(cell.split(), math.inf if kind.cut else pixels)
    if isinstance(kind, ObjectList):
        tokens, width = cell.split(), len(kind.fields)
        fields = list(kind.fields.values())
        return len(tokens) % width == 0 and all(fits(token, fields[k % width]) for k, token in enumerate(tokens))
    # kinds of one folder
    return len(cell) < 10_000 and "\x00" not in cell


def is_number(cell: str) -> bool:
    return NUMBER.fullmatch(cell.strip()) is not None


def within(number: float, minimum: float | None, maximum: float | None) -> bool:
    return (minimum is None or number >= minimum) and (maximum is None or number <= maximum)


def are_runs(tokens: list[str], pixels: float) -> bool:
    if len(tokens) % 2 or not all(re.fullmatch("[0-9]+", token) for token in tokens):
        return False
    reached = 0
    for start, length in zip(map(int, tokens[::2]), map(int, tokens[1::2]), strict=True):
        if start <= reached or length < 1 or start + length - 1 > pixels:
            return False
        reached = start + length - 1
    return True
