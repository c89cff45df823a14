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
_WRITERS = r"to_csv|to_json|to_pickle|to_parquet|\bdump|\bsave|savetxt|\bwrite|writer|\btee\b|>"
_READERS = r"read_\w+|\bload\w*|\bopen|genfromtxt|reader|\bcat\b|\bcp\b|\bjoin\b|read_text|scan_csv"
_OPENED_TO_WRITE = r"[^\n]{0,40}?,\s*(?:mode=)?['\"][wax]b?\+?['\"]|[^\n]{0,20}\)\.(?:write_text|write_bytes|open\(['\"]w)"


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
    is_read = is_written = False
    for action in actions_of(run):
        # written by hand is not made by a program
        if action.kind in ("python", "shell") and name.partition(".")[0] in action.text:
            names = [re.escape(PurePosixPath(name).stem), *_kept_under(name, action.text)]
            for word in names:
                is_written |= _follows(_WRITERS, _READERS, word, action.text) or bool(
                    re.search(word + _OPENED_TO_WRITE, action.text)
                )
                is_read |= _follows(_READERS, _WRITERS, word, action.text)
    return is_read, is_written


def _kept_under(name: str, text: str) -> list[str]:
    """Names of variables that hold the path."""
    stem = re.escape(PurePosixPath(name).stem)
    found = re.finditer(rf"\b(\w+)\s*=\s*(?!.*(?:{_READERS}|{_WRITERS})\()[^\n=]*{stem}", text)
    return [rf"\b{one[1]}\b" for one in found]


def _follows(verb: str, other: str, word: str, text: str) -> bool:
    """Whether a word stands behind a verb in a line, with none of the other verbs between them."""
    return re.search(rf"(?:{verb})(?:(?!{other})[^\n])*?{word}", text) is not None
