"""Tables with test ids in a run's code folder, and whether anything reads and writes them."""

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
_LONGEST_LINE, _MOST_LINES = 1000, 200
_OPENED_TO_WRITE = r"[^\n]{0,40}?,\s*(?:mode=)?['\"][wax]b?\+?['\"]|[^\n]{0,20}\)\.(?:write_text|write_bytes|open\(['\"]w)"


@dataclass(frozen=True)
class DataFile:
    """Such a table."""

    text: TextFile
    rows: Mapping[str, Row]
    """Plain cells by id of the test."""
    is_read: bool
    """Whether a program or command names it while reading."""
    is_written: bool
    """Whether one names it while writing, or composes its name."""


def data_files_of(run: ReviewedRun) -> Sequence[DataFile]:
    """The tables in `code/` and next to it."""
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
    stem = PurePosixPath(name).stem
    is_read = is_written = False
    for action in actions_of(run):
        # a file written by hand is not program output
        if action.kind not in ("python", "shell") or stem not in action.text:
            continue
        for word in (stem, *_kept_under(stem, action.text)):
            for line in _lines_with(word, action.text):
                is_written |= _follows(_WRITERS, _READERS, word, line)
                is_written |= re.search(re.escape(word) + _OPENED_TO_WRITE, line) is not None
                is_read |= _follows(_READERS, _WRITERS, word, line)
    return is_read, is_written


def _lines_with(word: str, text: str) -> list[str]:
    return [line[:_LONGEST_LINE] for line in text.split("\n") if word in line][:_MOST_LINES]


def _kept_under(stem: str, text: str) -> Iterator[str]:
    """Names of variables that hold the path."""
    for line in _lines_with(stem, text):
        kept = re.match(r"\s*(\w+)\s*=", line)
        if kept is not None and re.search(rf"(?:{_READERS}|{_WRITERS})\(", line) is None:
            yield kept[1]


def _follows(verb: str, other: str, word: str, line: str) -> bool:
    """Whether a word follows a verb in a line without another verb in between."""
    return re.search(rf"(?:{verb})(?:(?!{other}).)*?(?<!\w){re.escape(word)}", line) is not None
