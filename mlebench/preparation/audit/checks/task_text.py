"""The task text checked against the data: the form of a submission, the files it speaks of, and answers that it quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks import statistics
from mlebench.preparation.audit.clue import Clue, Guess
from mlebench.preparation.audit.seen.listing import SeenFile
from mlebench.preparation.audit.seen.tables import tables_of
from mlebench.preparation.audit.truth import Target, Truth

CHECK = "description"
FILE = "description.md"

_BLOCK = re.compile(r"^ {0,3}(```|~~~)[^\n]*\n(.*?)^ {0,3}\1", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r"`([^`\s]+)`")
_TABLE = re.compile(r"^[\w./-]+\.(csv|tsv|jsonl?|parquet|feather|npy|npz|zip|7z|tar|gz|tgz|bson|bz2|xlsx|pkl)$", re.IGNORECASE)
_SHARED = 0.5
"""Share of the names in a block's first line that are columns of a submission for it to be meant as one."""
_LONG = 4
"""Digits or letters from which on an answer is hardly made up by chance."""
_MADE_UP = 1e-3
_SHOWN = 5


def description(case: Case) -> Iterator[Clue]:
    """What the task text says otherwise than the data: the header of a submission, files; and answers of test rows in it."""
    text = case.competition.description
    yield from _another_header(case, text)
    yield from _missing_files(case.seen.files, text)
    for target in case.truth.targets:
        yield from _quoted_answers(case.truth, target, text)


def _another_header(case: Case, text: str) -> Iterator[Clue]:
    needed = [*case.truth.id_columns, *(column for target in case.truth.targets for column in target.columns)]
    forms = {frozenset(table.columns) for table in tables_of(case.seen) if {*needed} <= {*table.columns}} | {frozenset(needed)}
    shown = [header for header in _headers(text) if sum(name in needed for name in header) >= _SHARED * len(header)]
    if shown and not any(_is_form(header, needed, form) for header in shown for form in forms):
        what = f"the example of a submission begins with {','.join(shown[-1])}, not with {','.join(needed[:_SHOWN])}"
        yield Clue(CHECK, FILE, what + (",…" if len(needed) > _SHOWN else ""))


def _headers(text: str) -> list[list[str]]:
    """The first lines of code blocks with several names between commas."""
    firsts = [block[1].lstrip("\n").partition("\n")[0] for block in _BLOCK.findall(text)]
    return [[_bare(cell) for cell in line.split(",")] for line in firsts if "," in line]


def _bare(cell: str) -> str:
    return cell.strip().strip("\"'`").strip()


def _is_form(header: Sequence[str], needed: Sequence[str], form: frozenset[str]) -> bool:
    """Whether a header is that of a submission, possibly with its middle omitted."""
    named = [name for name in header if name.strip(".… ")]
    if len(named) < len(header):
        return {*named} <= form
    return {*named} == form or {*named} == {*needed}


def _missing_files(files: Sequence[SeenFile], text: str) -> Iterator[Clue]:
    there = {part for file in files for part in file.parts}
    named = [name for name in dict.fromkeys(_QUOTED.findall(text)) if _TABLE.match(name) and "submission" not in name.lower()]
    if lacking := [name for name in named if name.rpartition("/")[2] not in there]:
        shown = ", ".join(lacking[:_SHOWN]) + (", …" if len(lacking) > _SHOWN else "")
        yield Clue(CHECK, FILE, f"the task text mentions files that do not exist: {shown}")


def _quoted_answers(truth: Truth, target: Target, text: str) -> Iterator[Clue]:
    """Lines that begin with the id of a test row and hold its answer, more of them than chance gives."""
    rows, hits = [], []
    ids = truth.id_columns[0]
    place = {value: row for row, value in reversed([*enumerate(truth.perfect[ids])])} if len(truth.id_columns) == 1 else {}
    for line in text.splitlines():
        first, *rest = re.split(r"[,|;\t]", line.strip().strip("|"), maxsplit=1)
        row = place.get(_bare(first)) if rest else None
        if row is not None and str(target.values[row]):
            rows.append(row)
            hits.append(any(_is_value(_bare(cell), target, row) for cell in (*rest, *re.split(r"[,|;\t]", rest[0]))))
    if not any(hits):
        return
    log_p = statistics.log_binomial_tail(sum(hits), len(hits), float(np.mean([_frequency(target, row) for row in rows])))
    if statistics.Family().improbable(log_p, len(truth.targets)):
        told = [row for row, hit in zip(rows, hits, strict=True) if hit]
        yield Clue(
            CHECK, FILE, f"the task text reveals {target.name} of {len({*told}):,} test rows", (_guess(truth, target, told),)
        )


def _is_value(cell: str, target: Target, row: int) -> bool:
    value = target.values[row]
    if target.kind == "number":
        try:
            return bool(np.isclose(float(cell), value, rtol=1e-4, atol=1e-12))
        except ValueError:
            return False
    return cell == str(value)


def _frequency(target: Target, row: int) -> float:
    """How probable it is that something made up is the answer of a row."""
    value = target.values[row]
    if target.kind != "class" and len(re.sub(r"^[-0.]+|\.", "", str(value))) >= _LONG:
        return _MADE_UP
    same = np.isclose(target.values, value, rtol=1e-4) if target.kind == "number" else target.values == value
    return float(same.sum() + 1) / (len(target.values) + 1)


def _guess(truth: Truth, target: Target, told: Sequence[int]) -> Guess:
    values = np.full(truth.rows, np.nan) if target.kind == "number" else np.full(truth.rows, None, dtype=object)
    values[[*told]] = target.values[[*told]]
    return Guess(target.name, values)
