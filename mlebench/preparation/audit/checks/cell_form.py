"""`cell-form`: the form of a test cell, rather than its content, reveals the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from grading.printable import printable
from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.asked import Asked, asked_of
from mlebench.preparation.audit.checks.comparing import Told, classes_of, learnt_code
from mlebench.preparation.audit.checks.linked import Linked, is_sample, linked_tables
from mlebench.preparation.audit.checks.statistics import Family
from mlebench.preparation.audit.clue import Clue

NAME = "cell-form"
_LIFT = 0.8
_MOST_LINE_BYTES = 2**28
_MOST_JSON_BYTES = 2**27
_MOST_INNER = 100
_TEXTS = frozenset({".csv", ".tsv", ".txt", ".jsonl", ".json"})
_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?", "missing", "nil"})
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff\u00a0\u2000-\u200a\u3000]")
_NUMBER = re.compile(r"\s*[-+]?\d*\.?\d*(?:[eE][-+]?\d+)?\s*")


def _decimals(cell: str) -> str:
    return str(len(cell.strip().partition(".")[2])) if _NUMBER.fullmatch(cell) else "text"


def _trailing_zeros(cell: str) -> str:
    text = cell.strip()
    return str(len(text) - len(text.rstrip("0"))) if "." in text and _NUMBER.fullmatch(cell) else "none"


def _number_form(cell: str) -> str:
    text = cell.strip()
    if not text or not _NUMBER.fullmatch(cell):
        return "text"
    signs = [sign for sign in "+eE." if sign in text]
    return "".join([*signs, "0" if re.match(r"[-+]?0\d", text) else "", "-0" if re.fullmatch(r"-0*\.?0*", text) else ""])


def _case(cell: str) -> str:
    if not cell[:1].isalpha():
        return "other"
    return "upper" if cell.isupper() else "lower" if cell.islower() else "title" if cell[:1].isupper() else "mixed"


def _missing(cell: str) -> str:
    return cell if cell.strip().lower() in _MISSING else "value"


FORMS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("trailing spaces", lambda cell: cell[len(cell.rstrip()) :]),
    ("leading spaces", lambda cell: cell[: len(cell) - len(cell.lstrip())]),
    ("double spaces", lambda cell: str(min(9, cell.strip().count("  ")))),
    ("invisible characters", lambda cell: "".join(_INVISIBLE.findall(cell))),
    ("non-ASCII characters", lambda cell: str(min(9, sum(letter > "\x7f" for letter in cell)))),
    ("the number of decimals", _decimals),
    ("trailing zeros", _trailing_zeros),
    ("how the number is written", _number_form),
    ("capital letters", _case),
    ("how a missing value is written", _missing),
    ("the last character", lambda cell: cell[-1:]),
    ("the last digit of the number", lambda cell: cell.strip()[-1:] if _NUMBER.fullmatch(cell) else ""),
    ("whether the last digit is even", lambda cell: str(int(cell.strip()[-1]) % 2) if cell.strip()[-1:].isdecimal() else ""),
    ("kinds of line endings", lambda cell: "".join(sorted({*cell} & {"\r", "\n", "\t", "\v", "\f"}))),
    ("the final punctuation mark", lambda cell: cell[-1:] if cell and not cell[-1].isalnum() else ""),
)
"""Name of a feature of form, and its value for a cell; each has few values."""


def cell_form(case: Case) -> Iterator[Clue]:
    """Forms of the cells of tables, the keys of JSON lines, and the raw lines of tables of text."""
    family = Family()
    for source in linked_tables(case):
        asked = [
            question
            for question in asked_of(case.truth, source.units, len(source.cells))
            if question.target.kind == "class" and len(question.target.classes) > 1
        ]
        found: list[Clue] = []
        # whatever the cells of a sample submission are, that is another check's
        for column in source.cells.columns if asked and not is_sample(case, source.table.path) else ():
            forms = _of_cells(source.cells[column].to_numpy(dtype=object))
            found += _told(source, f"the column {printable(column, 40)}", forms, asked, family)
        if asked and not found:
            found = [*_told(source, "lines", _of_lines(case, source), asked, family)]
            found = found or [*_told(source, "records", _of_records(case, source), asked, family)]
        yield from found


def _told(source: Linked, where: str, forms: Mapping[str, np.ndarray], asked: list[Asked], family: Family) -> Iterator[Clue]:
    for question in asked:
        best: tuple[str, Told] | None = None
        answers = classes_of(question.target)
        for name, codes in forms.items():
            family.tried += 1
            told = learnt_code("", codes, answers, question.target, _LIFT)
            if told is not None and (best is None or told.right > best[1].right) and family.improbable(told.log_p, 2_000):
                best = name, told
        if best is not None:
            name, told = best
            what = f"{name} in {where} reveal {printable(question.target.name, 40)} of {told.right:,} of {told.of:,} rows"
            yield Clue(NAME, source.table.path, what, (question.guess(told.values),))


def _of_cells(cells: np.ndarray) -> dict[str, np.ndarray]:
    """Codes of each form in which cells differ, shape (rows,) int64; of few values, as others teach nothing."""
    import pandas as pd

    codes, texts = pd.factorize(cells.astype(str))
    found: dict[str, np.ndarray] = {}
    for name, form in FORMS:
        kinds, values = pd.factorize(np.array([form(str(text)) for text in texts], dtype=object))
        # where each cell has one value, the form is the cell, which other checks look at
        if 1 < len(values) <= 64 and (len(values) < len(texts) or name != "the last character"):
            found[name] = np.asarray(kinds)[codes]
    return found


def _of_lines(case: Case, source: Linked) -> dict[str, np.ndarray]:
    """Codes of the form of each raw line of a table of text; none if lines are not rows."""
    import pandas as pd

    if (only := source.table.only) is None:
        return {}
    file = only.file
    if only.part or "*" in file.path or file.suffix not in _TEXTS or file.size > _MOST_LINE_BYTES:
        return {}
    try:
        with case.seen.open(file) as stream:
            raw = stream.read(_MOST_LINE_BYTES)
    except OSError as error:
        case.seen.tell(file.path, error)
        return {}
    lines = raw.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    header = 0 if lines and lines[0][:1] == b"{" else 1
    places = source.places + header
    if not len(places) or places.max() >= len(lines) or len(lines) - header < len(places):
        return {}
    chosen = [lines[place] for place in places]
    found: dict[str, np.ndarray] = {}
    for name, read in _LINE_FORMS:
        codes, values = pd.factorize(np.array([read(line) for line in chosen], dtype=object))
        if 1 < len(values) <= 64:
            found[name] = np.asarray(codes)
    return found


def _of_records(case: Case, source: Linked) -> dict[str, np.ndarray]:
    """Codes of how the keys of each record of a JSON file are ordered; none if its records are not rows."""
    only = source.table.only
    if only is None or "*" in only.file.path or only.file.suffix != ".json" or only.file.size > _MOST_JSON_BYTES:
        return {}
    try:
        with case.seen.open(only.file) as stream:
            records = _records_of(json.loads(stream.read(_MOST_JSON_BYTES)), int(source.places.max()) + 1)
    except (OSError, ValueError, RecursionError):
        # another check, which reads all of it, covers this
        return {}
    return orders_of_keys([list(records[place]) for place in source.places]) if records else {}


def _records_of(value: object, least: int, depth: int = 0) -> list[dict[str, object]]:
    """The records of a JSON value, in a list or by key, if there are at least this many; else none."""
    inner = [*value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    if len(inner) >= least and all(isinstance(record, dict) for record in inner):
        return inner
    found = (_records_of(one, least, depth + 1) for one in inner[:_MOST_INNER]) if depth < 2 else iter(())
    return next(filter(None, found), [])


def orders_of_keys(keys: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
    """Codes of the order of keys of each record, shape (records,) int64: of all, of those that all records have, and the ends."""
    import pandas as pd

    common = set(keys[0]).intersection(*keys[1:]) if keys else set()
    read: dict[str, list[tuple[str, ...]]] = {
        "the order of keys": [tuple(names) for names in keys],
        "the order of the keys of all records": [tuple(name for name in names if name in common) for names in keys],
        "the first and the last key": [(*names[:1], *names[-1:]) for names in keys],
        "the first key": [tuple(names[:1]) for names in keys],
    }
    found: dict[str, np.ndarray] = {}
    for name, orders in read.items():
        codes, values = pd.factorize(np.array(["\0".join(order) for order in orders], dtype=object))
        if 1 < len(values) <= 64:
            found[name] = np.asarray(codes)
    return found


def _quoted(line: bytes) -> str:
    return "".join("q" if part[:1] == b'"' else "." for part in line.split(b",")[:40])


def _keys(line: bytes) -> str:
    try:
        found = json.loads(line.rstrip(b"\r,"))
    except ValueError:
        return ""
    return ",".join(found) if isinstance(found, dict) else ""


_LINE_FORMS: tuple[tuple[str, Callable[[bytes], str]], ...] = (
    ("line endings", lambda line: "cr" if line.endswith(b"\r") else ""),
    ("trailing spaces", lambda line: repr(line[len(line.rstrip(b" \t,;\r")) :])),
    ("leading spaces", lambda line: repr(line[: len(line) - len(line.lstrip())])),
    ("quotes", _quoted),
    ("the number of quotes", lambda line: str(line.count(b'"'))),
    ("spaces after punctuation", lambda line: f"{line.count(b', ')}/{line.count(b': ')}"),
    ("the order of keys", _keys),
)
