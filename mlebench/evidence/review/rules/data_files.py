"""Tables of a run's code folder with ids of the test: whether the code reads them, and whether anything writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mlebench.evidence.review.commands import actions_of
from mlebench.evidence.review.held_out import HeldOut, Row, held_out_of
from mlebench.evidence.review.reviewed import ReviewedRun
from mlebench.evidence.review.texts import TextFile
from mlebench.evidence.review.written import written_in_text

_ENDS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".yaml", ".yml", ".dat", "")
_WRITES = r"to_csv|to_json|to_pickle|\bdump|\bsave|\bwrite|savetxt|writer|\btee\b|>|['\"][wax]b?\+?['\"]"
_READS = r"read_csv|read_table|read_json|\bload|\bopen|loadtxt|genfromtxt|reader|\bcat\b|\bcp\b|\bjoin\b|Path\("


@dataclass(frozen=True)
class DataFile:
    """Such a table."""

    text: TextFile
    rows: Mapping[str, Row]
    """Plain cells by id of the test."""
    is_read: bool
    """Whether a program or a command names it where something is read."""
    is_written: bool
    """Whether one names it where something is written, or makes its name out of parts."""


def data_files_of(run: ReviewedRun) -> Sequence[DataFile]:
    """The tables in `code/` and beside it."""
    if "data files" not in run.memo:
        known = held_out_of(run)
        run.memo["data files"] = [] if known is None else list(_found(run, known))
    files: list[DataFile] = run.memo["data files"]
    return files


def _found(run: ReviewedRun, known: HeldOut) -> Iterator[DataFile]:
    for text in run.texts("code"):
        if text.suffix not in _ENDS:
            continue
        rows: dict[str, Row] = {}
        for written in written_in_text(text.text, known):
            rows.update({name: row for name, row in written.rows.items() if row})
        if len(rows) >= max(10, 0.05 * len(known.ids)):
            yield DataFile(text, rows, *_uses(run, PurePosixPath(text.name).name))


def _uses(run: ReviewedRun, name: str) -> tuple[bool, bool]:
    """Whether programs and commands read and write a file of that name."""
    stem = re.escape(PurePosixPath(name).stem)
    is_read = is_written = False
    for action in actions_of(run):
        if action.kind in ("write", "edit"):
            # written by hand is not made by a program
            continue
        for found in re.finditer(rf"^.*{stem}.*$", action.text, re.MULTILINE):
            is_read |= re.search(_READS, found[0]) is not None
            is_written |= re.search(_WRITES, found[0]) is not None
        # a path that is kept under a name
        for kept in re.finditer(rf"\b(?P<name>\w+)\s*=\s*(?!.*(?:{_READS}|{_WRITES}))[^\n=]*{stem}", action.text):
            for found in re.finditer(rf"^.*\b{kept['name']}\b.*$", action.text, re.MULTILINE):
                is_read |= re.search(_READS.replace(r"|Path\(", ""), found[0]) is not None
                is_written |= re.search(_WRITES, found[0]) is not None
    return is_read, is_written
