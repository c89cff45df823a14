"""Text in columns: csv and its kin, and matrices of numbers."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlebench.preparation.audit.seen.formats.encoding import decoded, encoding_of
from mlebench.preparation.audit.seen.formats.found import MOST_COLUMNS, Content, Found, distinct, frames_of_rows

if TYPE_CHECKING:
    import pandas as pd

HEAD = 2**18
"""Bytes from which the form of a file is determined."""
_SAMPLE = 200
_DELIMITERS = (",", "\t", ";", "|")
_COMMENTS = ("#", "%", "//", "@")
_MOSTLY = 0.9
_FEWEST_OF_LIST, _WIDEST_LIST = 5, 12
_LONGEST_VALUE = 200
"""Characters of a line that is a single value."""


@dataclass(frozen=True)
class Form:
    """How a file holds its table."""

    encoding: str
    delimiter: str
    """One character; a blank stands for any stretch of blanks."""
    quoted: bool
    lead: int
    """Lines before the table."""
    header: bool
    columns: tuple[str, ...]
    ragged: bool = False
    """The last column has whatever stands behind the others."""
    tags: tuple[tuple[str, int], ...] = ()
    """Kinds of rows, which each begins with, and how many cells rows of the kind have; empty if all are of one kind."""


def tables(content: Content) -> Iterator[Found]:
    """The table of a text file, if it holds one."""
    with content.stream() as stream:
        head = stream.read(HEAD)
    form = form_of(head, content.name.lower(), whole=content.size <= len(head))
    if form is None:
        return
    if not form.tags:
        yield Found("", form.columns, lambda rows: _frames(content, form, rows))
    for tag, width in form.tags:
        yield _tagged_table(content, form, tag, tuple(map(str, range(width))))


def _tagged_table(content: Content, form: Form, tag: str, columns: tuple[str, ...]) -> Found:
    def frames(rows: int) -> Iterator[pd.DataFrame]:
        with _text(content, form) as text:
            found = csv.reader((line.replace("\0", "") for line in text), delimiter=form.delimiter, quoting=csv.QUOTE_NONE)
            yield from frames_of_rows((row for row in found if row and row[0] == tag), columns, rows)

    return Found(tag, columns, frames)


def form_of(head: bytes, name: str, *, whole: bool = True) -> Form | None:
    """How a file that begins with these bytes holds a table; None if it holds none.

    Args:
        head: its first bytes.
        name: its name in small letters.
        whole: whether there are no more.
    """
    encoding = encoding_of(head)
    if encoding is None:
        return None
    lines = decoded(head, encoding).splitlines()
    if not whole and len(lines) > 1:
        del lines[-1]
    lead = 0
    while lead < len(lines) and (not lines[lead].strip() or lines[lead].startswith(_COMMENTS)):
        lead += 1
    sample = lines[lead : lead + _SAMPLE]
    if not sample:
        return None
    is_table = name.endswith((".csv", ".tsv", ".tab", ".psv"))
    if (form := _even(encoding, sample, lead, _MOSTLY)) is not None:
        return form
    for delimiter in (delimiter for delimiter, quoted in _ways(sample) if quoted):
        rows = rows_of(sample, delimiter, False)
        if tags := _tags(rows):
            return Form(encoding, delimiter, False, lead, False, (), tags=tags)
        blanks = sum(" " in row[0].strip() for row in rows)
        may_be_ragged = is_table or (name.endswith((".txt", ".dat", ".data")) and blanks < 0.1 * len(rows))
        if may_be_ragged and (form := _ragged(encoding, delimiter, lead, rows)) is not None:
            return form
    if is_table and (form := _even(encoding, sample, lead, 0.5)) is not None:
        return form
    return _single(encoding, sample, lead, is_table)


def _even(encoding: str, sample: list[str], lead: int, least: float) -> Form | None:
    """A table of which at least this share of the rows have the same number of cells."""
    for delimiter, quoted in _ways(sample):
        rows = rows_of(sample, delimiter, quoted)
        width, share = _usual_width(rows)
        if 1 < width <= MOST_COLUMNS and share >= least:
            return _form(encoding, delimiter, quoted, lead, rows, width)
    return None


_MOST_TAGS = 40
_SOME = 0.3
_LONGEST_KEY = 60
"""Characters of a row's first cell, beyond which it is prose."""


def _tags(rows: list[list[str]]) -> tuple[tuple[str, int], ...]:
    """Kinds of rows and their widths, where rows begin with their kind as in logs of instruments; none if they do not."""
    widths: dict[str, Counter[int]] = defaultdict(Counter)
    for row in rows[:-1]:
        widths[row[0]][len(row)] += 1
    if not widths or len(widths) > min(_MOST_TAGS, len(rows) // 3) or any(not tag or _is_numeric(tag) for tag in widths):
        return ()
    usual = {tag: counts.most_common(1)[0] for tag, counts in widths.items()}
    if sum(count for _, count in usual.values()) < _MOSTLY * (len(rows) - 1):
        return ()
    return tuple((tag, width) for tag, (width, _) in usual.items() if width > 1)


def _ragged(encoding: str, delimiter: str, lead: int, rows: list[list[str]]) -> Form | None:
    """A table whose last column holds the delimiter, too: lists of labels, or free text."""
    rest = rows[1:-1] or rows[1:]
    width = len(rows[0])
    if len(rows[0]) < 2 or len(rest) < 3 or max(len(row[0]) for row in rows) > _LONGEST_KEY:
        return None
    if sum(len(row) >= width for row in rest) < _SOME * len(rest):
        return None
    cut = [[*row[: width - 1], delimiter.join(row[width - 1 :])] for row in rest if len(row) >= width]
    header = len(rows[0]) == width and is_header(rows[0], cut, width)
    columns = distinct(rows[0]) if header else ("0", "1")
    return Form(encoding, delimiter, False, lead, header, columns, ragged=True)


def _ways(sample: list[str]) -> Iterator[tuple[str, bool]]:
    present = [mark for mark in _DELIMITERS if any(mark in line for line in sample)]
    # the mark of the first line decides where several would do
    present.sort(key=lambda mark: -sample[0].count(mark))
    for mark in present:
        yield mark, True
        yield mark, False
    if all(_is_numeric(line.split()[0]) for line in sample[1:] or sample if line.split()) or _is_list(sample):
        yield " ", False


def _is_list(sample: list[str]) -> bool:
    """Whether each line is a name and a few values, as in lists of files; prose has lines of different length."""
    widths = {len(line.split()) for line in sample if line.strip()}
    return len(sample) >= _FEWEST_OF_LIST and len(widths) == 1 and max(widths) <= _WIDEST_LIST


def rows_of(lines: list[str], delimiter: str, quoted: bool) -> list[list[str]]:
    """Cells of lines; empty lines are left out."""
    if delimiter == " ":
        return [line.split() for line in lines if line.strip()]
    try:
        reader = csv.reader(
            (f"{line}\n" for line in lines),
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
            skipinitialspace=False,
        )
        return [row for row in reader if row]
    except csv.Error:
        return []


def _usual_width(rows: list[list[str]]) -> tuple[int, float]:
    """The most frequent number of cells, and the share of rows that have it."""
    counts = Counter(map(len, rows[:-1] or rows))
    if not counts:
        return 0, 0.0
    width, count = counts.most_common(1)[0]
    return width, count / sum(counts.values())


def _form(encoding: str, delimiter: str, quoted: bool, lead: int, rows: list[list[str]], width: int) -> Form:
    first = rows[0]
    header = is_header(first, rows[1:], width)
    if header and len(first) == width - 1:
        # as R writes them: no name above the names of rows
        first = ["", *first]
    names = distinct((first + [""] * width)[: max(width, len(first))]) if header else tuple(map(str, range(width)))
    return Form(encoding, delimiter, quoted, lead, header, names)


def _single(encoding: str, sample: list[str], lead: int, is_table: bool) -> Form | None:
    """A file of one value in each line."""
    values = [line.strip() for line in sample if line.strip()]
    if not values or max(map(len, values)) > _LONGEST_VALUE:
        return None
    if not is_table and (len(values) < 3 or any(len(value.split()) > 1 for value in values)):
        return None
    header = is_table and is_header(values[:1], [[value] for value in values[1:]], 1)
    return Form(encoding, "\n", False, lead, header, (values[0],) if header else ("0",))


def is_header(first: list[str], rest: list[list[str]], width: int) -> bool:
    """Whether a first row names the columns: nothing of it comes again below, and numbers at most count columns."""
    if len(first) not in (width, width - 1) and len(first) < width:
        return False
    numbers = [text for text in first if _is_numeric(text)]
    if numbers:
        whole = all(text.isdigit() for text in numbers) and len(set(numbers)) == len(numbers)
        if not whole or len(numbers) == 1 or int(numbers[-1]) - int(numbers[0]) != len(numbers) - 1:
            return False
        if len(numbers) == len(first) < _MANY_NUMBERS and numbers[0] != "0":
            return False
    if not rest:
        return not numbers
    columns = zip(*(row for row in rest if len(row) == len(first)), strict=False)
    return not any(name and name in below for name, below in zip(first, columns, strict=False))


_MANY_NUMBERS = 10
"""Cells that count columns from another number than 0, where they are nothing else."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|nan|NaN|inf|-inf")


def _is_numeric(text: str) -> bool:
    return _NUMBER.fullmatch(text.strip()) is not None


@contextlib.contextmanager
def _text(content: Content, form: Form) -> Iterator[io.TextIOWrapper]:
    """The text from the table on, or from its first row where `pandas` does not read it."""
    with content.stream() as stream:
        text = io.TextIOWrapper(stream, form.encoding, errors="replace", newline="")
        for _ in range(form.lead + (1 if form.header and (form.delimiter == "\n" or form.ragged) else 0)):
            text.readline()
        yield text


def _frames(content: Content, form: Form, rows: int) -> Iterator[pd.DataFrame]:
    with _text(content, form) as text:
        if form.delimiter == "\n" or form.ragged:
            most = len(form.columns) - 1
            lines = (line.rstrip("\r\n") for line in text if line.strip())
            yield from frames_of_rows((line.split(form.delimiter, most) for line in lines), form.columns, rows)
        else:
            yield from _parsed(text, form, rows)


def _parsed(text: io.TextIOWrapper, form: Form, rows: int) -> Iterator[pd.DataFrame]:
    import pandas as pd

    try:
        found = pd.read_csv(
            text,
            sep=r"\s+" if form.delimiter == " " else form.delimiter,
            header=0 if form.header else None,
            names=list(form.columns),
            index_col=False,
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            quoting=csv.QUOTE_MINIMAL if form.quoted else csv.QUOTE_NONE,
            on_bad_lines="skip",
            chunksize=rows,
            engine="c",
        )
        for frame in found:
            yield frame.fillna("").reset_index(drop=True)
    except pd.errors.EmptyDataError:
        return
    except (pd.errors.ParserError, csv.Error) as error:
        raise ValueError(f"it is not a valid table ({error})") from None
