"""Columns that the task text does not name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.described import described
from mlebench.preparation.audit.checks.few_rows import OF_ALL, told_by_columns
from mlebench.preparation.audit.clue import Clue
from mlebench.preparation.audit.seen.tables import SeenTable, tables_of

_NUMBER = re.compile(r"\d+(\.\d+)?")
_AN_ID = re.compile(r"[0-9a-f]{6,}", re.IGNORECASE)
_OF_NO_NAME = frozenset({"key", "value", "file", "row"})
"""Names that readers give to unnamed columns."""
_SHOWN = 5


def undescribed_columns(case: Case) -> Iterator[Clue]:
    """Tables with columns that the task text does not speak of; tables of one folder with the same ones together.

    Columns named by numbers, which stand for places, by ids, as keys of json are, or by classes of the target, which training
    data shows, need no description.
    """
    spoken = {_form(word) for word in re.findall(r"[\w.\-]+", case.competition.description)} - {""}
    expected = {*case.truth.known, *(name for target in case.truth.targets for name in (*target.columns, *target.classes))}
    found: dict[tuple[str, tuple[str, ...]], list[SeenTable]] = {}
    for table in tables_of(case.seen):
        columns = [column for column in table.columns if column not in expected and column not in _OF_NO_NAME]
        unnamed = tuple(column for column in columns if not _is_spoken_of(case, column, table.columns, spoken))
        if unnamed:
            found.setdefault((table.file.path.rpartition("/")[0], unnamed), []).append(table)
    for (folder, unnamed), held in found.items():
        path = held[0].path if len(held) == 1 else f"{folder}/*{held[0].file.suffix}".lstrip("/")
        what = f"the task text does not mention {_listed(unnamed)} of {len(held):,} {_noun(held)}"
        guesses = next(filter(None, (told_by_columns(case, table.path, unnamed) for table in held)), ())
        yield Clue("undescribed-columns", path, what + (OF_ALL if guesses else ""), guesses)


def _is_spoken_of(case: Case, column: str, siblings: Iterable[str], spoken: set[str]) -> bool:
    column = column.strip("[](){}'\" ")
    if column.isdigit() or _AN_ID.fullmatch(column) or _form(column) in spoken or described(case, column, siblings):
        return True
    # what lies inside a value goes with it
    heads = column.split(".")[:-1]
    return any(described(case, head) for head in (".".join(heads[: end + 1]) for end in range(len(heads))))


def _form(name: str) -> str:
    """A name with its numbers left open, as those of a series have in common."""
    return _NUMBER.sub("#", name.casefold()).strip(".")


def _listed(columns: tuple[str, ...]) -> str:
    shown = ", ".join(repr(column) for column in columns[:_SHOWN])
    noun = "the column" if len(columns) == 1 else f"{len(columns):,} columns"
    return f"{noun} {shown}{', …' if len(columns) > _SHOWN else ''}"


def _noun(held: list[SeenTable]) -> str:
    return "table" if len(held) == 1 else "tables"
