"""What is known about a competition's test rows: their ids and, if its data is prepared here, their answers."""

from __future__ import annotations

import csv
import functools
import io
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlebench._support.plain_files import open_plain
from mlebench.errors import MlebenchError
from mlebench.evidence.review.reviewed import ReviewedRun
from mlebench.registry import Competition

Row = tuple[str, ...]
LARGEST_TABLE = 128 * 2**20
"""Bytes of a table that is read as a whole."""
_MOST_ROWS, _MOST_CELLS = 500_000, 10_000_000
_LONGEST_CELL = 2**20
_FEWEST_LETTERS = 5
"""Minimum length of a non-numeric id that is unambiguous in a text."""
_LONG_NUMBER = 7
_MOST_LABELS = 20
_TEST_NAMES = ("test.csv", "test_features.csv", "test_data.csv")


@dataclass(frozen=True)
class Table:
    """Cells of a file with ids, plain (see `plain`)."""

    id_columns: Row
    columns: Row
    """Of what is predicted, in the file's order."""
    rows: Mapping[str, Row]
    """By id, in the file's order; an id in several columns is a tuple of its parts."""
    listed: int = 0
    """Number of rows in the file, including repeated ids."""


@dataclass(frozen=True)
class HeldOut:
    """The rows that a submission must contain."""

    ids: Mapping[str, int]
    """Each id with its place in the sample submission."""
    columns: Row
    """Of what is predicted."""
    answers: Mapping[str, Row] | None = None
    """Plain cells of `columns` by id; None if they are not here, or have another form than submissions."""
    shares: Sequence[Mapping[str, float]] = ()
    """Of each column, how often each answer occurs."""
    labels: frozenset[str] = frozenset()
    """The answers, where they are few."""
    listed: int = 0
    """Number of rows in the sample submission, including repeated ids."""
    _telling: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.ids)

    @functools.cached_property
    def classes(self) -> Mapping[str, tuple[str, str]]:
        """Where each row has 1 in one column and 0 in all others: that column's plain name, and its place, by id."""
        if self.answers is None or len(self.columns) < 2:
            return {}
        rows = self.answers.items()
        if any(row.count("1") != 1 or row.count("0") != len(row) - 1 for _, row in rows):
            return {}
        return {name: (plain(self.columns[place := row.index("1")]), str(place)) for name, row in rows}

    @functools.cached_property
    def ids_tell(self) -> bool:
        """Whether an id is unambiguous in a text: it is not a short number or a short word."""
        some = list(self.ids)[:: max(1, len(self.ids) // 200)]
        return bool(some) and sum(map(is_telling, some)) >= 0.9 * len(some)


def is_telling(name: str) -> bool:
    """Whether a text is distinctive, not a plain word or number that programs contain for other reasons."""
    if name.isdigit():
        return len(name) >= _LONG_NUMBER
    return len(name) >= _FEWEST_LETTERS and any(letter.isdigit() for letter in name)


@functools.lru_cache(maxsize=100_000)
def plain(cell: str) -> str:
    """A cell in the normal form for comparisons: numbers with six digits, booleans and words in lower case."""
    text = cell.strip().strip("'\"").strip()
    try:
        number = float(text)
    except ValueError:
        word = text.lower()
        return {"true": "1", "false": "0"}.get(word, word)
    if not math.isfinite(number):
        return "nan"
    return f"{number:.6g}" if number else "0"


def held_out_of(run: ReviewedRun) -> HeldOut | None:
    """What is known about a run's test set; without prepared data, the ids of its submission."""
    if "held out" not in run.memo:
        found = _of_competition(run.competition) if run.has_own_answers and run.competition is not None else None
        run.memo["held out"] = found or _of_submission(run)
    found_again: HeldOut | None = run.memo["held out"]
    return found_again


def submission_of(run: ReviewedRun) -> Table | None:
    """What a run submitted; None if there is none that can be read."""
    if "submission" not in run.memo:
        path = run.submission
        run.memo["submission"] = None if path is None else read_table(path, _id_columns(run.competition), within=run.folder)
    table: Table | None = run.memo["submission"]
    return table


def sample_of(competition: Competition | None) -> Table | None:
    """The sample submission of a competition that is prepared here."""
    return None if competition is None else _sample(competition)


@functools.lru_cache(maxsize=2)
def _sample(competition: Competition) -> Table | None:
    return read_table(Path(competition.sample_submission), _id_columns(competition))


@functools.lru_cache(maxsize=2)
def public_tables(competition: Competition) -> Sequence[tuple[str, Table]]:
    """The public csv files, other than the sample submission, that contain predictions for test ids."""
    folder, path = Path(competition.public_dir), Path(competition.sample_submission)
    sample = _sample(competition)
    if sample is None:
        return ()
    others = (other for other in sorted(folder.glob("*.csv")) if other != path and other.is_file())
    found = ((other.name, read_table(other, sample.id_columns, like=sample)) for other in others)
    return [(name, table) for name, table in found if table is not None and table.rows]


@functools.lru_cache(maxsize=2)
def public_texts(competition: Competition) -> frozenset[str]:
    """Long cells of the public test table, with blanks normalised: texts that identify a row."""
    found: set[str] = set()
    for name in _TEST_NAMES:
        path = Path(competition.public_dir) / name
        if not path.is_file():
            continue
        for cells in _rows(path, path.parent):
            found.update(text for cell in cells if len(text := " ".join(cell.split())) >= 25 and " " in text)
            if len(found) > 200_000:
                break
    return frozenset(found)


def read_table(path: Path, id_columns: Row = (), within: Path | None = None, like: Table | None = None) -> Table | None:
    """A csv file with ids, from any source; None if it is not one or is too large.

    Args:
        path: the file.
        id_columns: names of the columns with ids; the first column where they are not there.
        within: see `open_plain`.
        like: keep the ids and columns of this table alone; a single column may have another name.
    """
    rows = _rows(path, within or path.parent)
    try:
        header = next(rows, None)
        if not header or len(header) < 2:
            return None
        names = [name.strip() for name in header]
        places = [names.index(name) for name in id_columns if name in names]
        if len(places) != len(id_columns) or not places:
            places = [0]
        others = _kept_columns(names, places, like)
        if not others:
            return None
        found: dict[str, Row] = {}
        listed = 0
        for cells in rows:
            if len(cells) != len(names):
                continue
            name = "\x1f".join(cells[place].strip() for place in places)
            if like is None or name in like.rows:
                listed += 1
                found[name] = tuple(plain(cells[place]) for place in others)
            if len(found) > _MOST_ROWS or len(found) * len(others) > _MOST_CELLS:
                return None
    except (OSError, csv.Error, ValueError):
        return None
    return Table(tuple(names[place] for place in places), tuple(names[place] for place in others), found, listed)


def _kept_columns(names: Sequence[str], ids: Sequence[int], like: Table | None) -> list[int]:
    """Places of the columns that are read; none if a table has not all that it should have."""
    others = [place for place in range(len(names)) if place not in ids]
    if like is None or (len(others) == 1 == len(like.columns)):
        return others
    return [names.index(name) for name in like.columns] if set(like.columns) <= set(names) else []


def _rows(path: Path, within: Path) -> Iterator[list[str]]:
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    try:
        with open_plain(path, within) as file:
            if file.seek(0, 2) > LARGEST_TABLE:
                return
            file.seek(0)
            yield from csv.reader(io.TextIOWrapper(file, "utf-8-sig", "replace", newline=""))
    except (OSError, csv.Error, ValueError):
        return


def _id_columns(competition: Competition | None) -> Row:
    if competition is None:
        return ()
    try:
        grader = competition.grader
        return tuple(getattr(grader, "id_columns", ()))
    except (MlebenchError, AttributeError, TypeError):
        return ()


@functools.lru_cache(maxsize=2)
def _of_competition(competition: Competition) -> HeldOut | None:
    sample = _sample(competition)
    if sample is None or not sample.rows:
        return None
    sample = _predicted(competition, sample)
    ids = {name: place for place, name in enumerate(sample.rows)}
    answers = _answers(competition, sample)
    if answers is None:
        return HeldOut(ids, sample.columns, listed=sample.listed)
    shares = []
    for column in range(len(sample.columns)):
        counts = Counter(row[column] for row in answers.values())
        shares.append({value: count / len(answers) for value, count in counts.most_common(1000)})
    labels = {value for share in shares for value in share}
    few = frozenset(labels) if len(labels) <= max(20, len(ids) // 5) else frozenset()
    return HeldOut(ids, sample.columns, answers, shares, few, sample.listed)


def _predicted(competition: Competition, sample: Table) -> Table:
    """The table without columns that are not predicted, such as a date next to the id."""
    try:
        columns = getattr(competition.grader, "columns", None)
    except MlebenchError:
        return sample
    places = [place for place, name in enumerate(sample.columns) if isinstance(columns, Mapping) and name in columns]
    if not places or len(places) == len(sample.columns):
        return sample
    rows = {name: tuple(row[place] for place in places) for name, row in sample.rows.items()}
    return Table(sample.id_columns, tuple(sample.columns[place] for place in places), rows, sample.listed)


def _answers(competition: Competition, sample: Table) -> Mapping[str, Row] | None:
    """The answers in the columns of the sample, as far as they have them."""
    table = read_table(Path(competition.answers), sample.id_columns, like=sample)
    return table.rows if table is not None and len(table.rows) >= 0.5 * len(sample.rows) else None


def _of_submission(run: ReviewedRun) -> HeldOut | None:
    table = submission_of(run)
    if table is None or not table.rows:
        return None
    words = {cell for row in table.rows.values() for cell in row}
    few = frozenset(words) if len(words) <= _MOST_LABELS else frozenset()
    return HeldOut({name: place for place, name in enumerate(table.rows)}, table.columns, labels=few, listed=table.listed)


def cells_like_rows(text: str, known: HeldOut) -> dict[str, Row]:
    """Lines of a text that are rows of a table: an id of the test, a comma, semicolon, tab or colon, and cells.

    Returns:
        the plain cells by id.
    """
    found: dict[str, Row] = {}
    for line in text.split("\n"):
        bare = line.strip().lstrip("#/*- ").strip("'\"[](){}, ;\\")
        parts = [part.strip().strip("'\"[](){}") for part in re.split(r"[,;\t|]|:(?=\s)", bare)]
        if len(parts) >= 2 and parts[0] in known.ids and any(parts[1:]):
            found[parts[0]] = tuple(plain(part) for part in parts[1:])
    return found
