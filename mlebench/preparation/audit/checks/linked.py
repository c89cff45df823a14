"""Tables whose rows are of test rows, by their ids or by their place, and the cells that are there."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks import readings, statistics
from mlebench.preparation.audit.checks.once import once
from mlebench.preparation.audit.checks.readings import is_digest
from mlebench.preparation.audit.seen.listing import Seen
from mlebench.preparation.audit.seen.tables import SeenTable, tables_of
from mlebench.preparation.audit.truth import Truth, stem

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 20_000
"""Test rows whose cells are examined first; all are gathered only if these are informative."""
MOST_COLUMNS = 3_000
_MOST_WITHOUT_TEST = 600_000
"""Rows after which test rows are looked for in columns that are named as ids alone, and not at all where there are none."""
_HEAD = 5_000
_LEAST_ROWS = 4
_LEAST_SHARE = 0.05
_SAMPLED = 400
_LEAST_SPELLED = 0.5
"""Minimum share of the cells of a column, or of the test rows if fewer, that must be ids in one spelling."""
_MOST_SAME = 0.1
_FRACTION = re.compile(r"-?\d*\.\d+(e[+-]?\d+)?")
_MOST_FRACTIONS = 0.2
"""Measurements are never ids, in any spelling."""
_OF_A_FILE = re.compile(r"[/\\]|\.[A-Za-z]")
"""Texts without any of these are not paths and have no extension."""


@dataclass(frozen=True)
class Sheet:
    """A table, or tables of the same columns whose paths differ in numbers alone, such as shards, one after the other."""

    tables: Sequence[SeenTable]

    @property
    def path(self) -> str:
        """Its path, as a pattern if there are several."""
        first = self.tables[0]
        if len(self.tables) == 1:
            return first.path
        return re.sub(r"\d+(?:\D*\d+)*", "*", first.path)

    @property
    def only(self) -> SeenTable | None:
        """The table, where it is one."""
        return self.tables[0] if len(self.tables) == 1 else None

    def chunks(self) -> Iterator[pd.DataFrame]:
        """The cells as text, in order."""
        return (chunk for table in self.tables for chunk in table.chunks())


def sheets_of(seen: Seen) -> list[Sheet]:
    """All tables, shards together."""
    found: dict[tuple[object, ...], list[SeenTable]] = {}
    for table in tables_of(seen):
        numbered = re.sub(r"\d+", "#", table.file.path)
        found.setdefault((numbered, table.part, table.columns), []).append(table)
    return [Sheet(tables) for tables in found.values()]


@dataclass(frozen=True)
class Linked:
    """Cells of one table that are next to units of test rows."""

    table: Sheet
    by: str
    """`id`, or the order in which rows are those of test rows."""
    cells: pd.DataFrame
    """Shape (units, columns), text; the columns that name test rows included."""
    units: np.ndarray
    """Shape (test rows,), int64: the row of `cells` that is a test row's, -1 for none."""
    places: np.ndarray
    """Shape (units,), int64: the rows of the table, ascending."""
    id_columns: frozenset[str]
    """Columns that name test rows."""

    @property
    def columns(self) -> Sequence[str]:
        """Those that do not name test rows."""
        return [column for column in self.cells.columns if column not in self.id_columns]


def _folded(name: str) -> str:
    """Letters and digits alone, in one case."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _without_head(name: str) -> str:
    """The last run of letters and digits, without zeros in front."""
    runs = re.findall(r"[^\W_]+", name.casefold())
    return runs[-1].lstrip("0") or "0" if runs else ""


def _as_number(name: str) -> str:
    """The digits alone, without zeros in front, and of a whole number without its decimals."""
    digits = "".join(re.findall(r"\d", re.sub(r"\.0+$", "", name)))
    return digits.lstrip("0") or digits[-1:]


def _digested(digest: Callable[[bytes], str]) -> Callable[[str], str]:
    return lambda name: digest(name.encode("utf-8", "surrogatepass"))


SPELLINGS: tuple[tuple[Callable[[str], str], Callable[[str], str]], ...] = (
    (_folded, _folded),
    (_without_head, _without_head),
    (_as_number, _as_number),
    *((_digested(digest), readings.plain) for _, digest in readings.ALGORITHMS),
)
"""The conversions of ids and of cells for comparison."""


def _common_head(names: Sequence[str]) -> str:
    """What all names begin with."""
    first, last = min(names), max(names)
    return first[: next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)]


def _without(head: str) -> Callable[[str], str]:
    return lambda name: name.removeprefix(head)


class Linker:
    """Finds the test rows that cells name."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self._spelled: dict[Callable[[str], str], Mapping[str, int]] = {}

    @functools.cached_property
    def _names(self) -> pd.Index:
        """Texts that name test rows."""
        import pandas as pd

        return pd.Index([*{**self.truth.units, **self.truth.keys}], dtype=object)

    @functools.cached_property
    def _known(self) -> frozenset[str]:
        """The same, as most columns hold none of them."""
        return frozenset(self._names)

    def column_of(self, chunk: pd.DataFrame, *, any_name: bool = True) -> str | None:
        """A column with the name of an id, else, with `any_name`, the one that names most test rows; None if none does."""
        for column in self.truth.id_columns[:1]:
            if column in chunk.columns and (self.named(chunk[column]) >= 0).any():
                return column
        if not any_name:
            return None
        best, most = None, 1
        for column in chunk.columns[:MOST_COLUMNS]:
            named = self.named(chunk[column])
            if not (named >= 0).any() or (chunk[column].nunique() <= 1 and self.truth.rows > 1):
                continue
            count = len({*named} - {-1})
            if count > most:
                best, most = column, count
        return best

    def named(self, cells: pd.Series) -> np.ndarray:
        """For each cell the place of the name of test rows that it holds, -1 for none; shape (cells,), int64."""
        import pandas as pd

        texts = cells.to_numpy(dtype=object)
        if not self._known.isdisjoint(texts):
            return np.asarray(self._names.get_indexer(pd.Index(texts)))
        names = [str(text) for text in texts]
        if _OF_A_FILE.search("\n".join(names)) is not None:
            names = [stem(name.replace("\\", "/").rpartition("/")[2]) for name in names]
            found = self._names.get_indexer(pd.Index(names, dtype=object))
            if (found >= 0).any():
                return np.asarray(found)
        return self._spelled_otherwise(names)

    def _spelled_otherwise(self, names: Sequence[str]) -> np.ndarray:
        """As `named`, of cells that spell ids in another way, each its own; the first way that names enough of them."""
        step = max(1, len(names) // _SAMPLED)
        some = names[::step]
        if not some:
            return np.empty(0, dtype=np.int64)
        if sum(_FRACTION.fullmatch(name) is not None for name in some) > _MOST_FRACTIONS * len(some):
            return np.full(len(names), -1, dtype=np.int64)
        for spell, of_cell in (*SPELLINGS, (self._headless, _without(_common_head(names)))):
            if of_cell is readings.plain and not is_digest(some[0]):
                continue
            places = self._places_by(spell)
            hits = [place for name in some if (place := places.get(of_cell(name), -1)) >= 0]
            enough = len(hits) >= _LEAST_SPELLED * min(len(some), self.truth.rows / step)
            if enough and len({*hits}) >= max(_LEAST_ROWS, 0.9 * len(hits)):
                return np.array([places.get(of_cell(name), -1) for name in names], dtype=np.int64)
        return np.full(len(names), -1, dtype=np.int64)

    @functools.cached_property
    def _headless(self) -> Callable[[str], str]:
        return _without(_common_head([*self.truth.keys]))

    def _places_by(self, spell: Callable[[str], str]) -> Mapping[str, int]:
        """Places of names by what a spelling makes of them, if it makes the same of few; without these."""
        if spell not in self._spelled:
            rows: dict[str, int] = {}
            places: dict[str, int] = {}
            same: set[str] = set()
            for place, name in enumerate(self._names):
                spelled, row = spell(str(name)), int(self.rows_named(place)[0])
                places.setdefault(spelled, place)
                if rows.setdefault(spelled, row) != row:
                    same.add(spelled)
            kept = {spelled: place for spelled, place in places.items() if spelled and spelled not in same}
            self._spelled[spell] = kept if len(same) <= _MOST_SAME * len(places) else {}
        return self._spelled[spell]

    def rows_named(self, place: int) -> np.ndarray:
        """Positions of the test rows that a name is of."""
        name = str(self._names[place])
        found = self.truth.keys.get(name)
        return self.truth.units[name] if found is None else found


class Looked(NamedTuple):
    """A table that was read through once."""

    table: Sheet
    linked: Linked | None
    """Its cells next to test rows which its rows name; None if it names next to none."""
    rows: int
    """How many it has; fewer where it need not be read to its end."""


@once
def tables_with_links(case: Case) -> Sequence[Looked]:
    """Every table that can be read, with the cells of at most `MOST_ROWS` test rows which its rows name."""
    linker = Linker(case.truth)
    return [look_into(case, linker, table) for table in sheets_of(case.seen)]


def linked_tables(case: Case) -> Iterator[Linked]:
    """Those tables whose rows name test rows."""
    return (looked.linked for looked in tables_with_links(case) if looked.linked is not None)


def look_into(case: Case, linker: Linker, table: Sheet, most: int = MOST_ROWS) -> Looked:
    """Read a whole table and keep the cells of at most this many test rows."""
    import pandas as pd

    truth = case.truth
    units = np.full(truth.rows, -1, dtype=np.int64)
    wanted = np.zeros(truth.rows, dtype=bool)
    wanted[statistics.drawn(truth.rows, most)] = True
    kept: list[pd.DataFrame] = []
    column: str | None = None
    start = held = 0
    for chunk in table.chunks():
        chunk = chunk.iloc[:, :MOST_COLUMNS].set_axis(range(start, start + len(chunk)))
        start += len(chunk)
        several = len(truth.id_columns) > 1 and {*truth.id_columns} <= {*chunk.columns}
        is_early = start <= _MOST_WITHOUT_TEST
        column = column or linker.column_of(chunk.head(_HEAD), any_name=is_early)
        if column is None and len(chunk) > _HEAD:
            column = linker.column_of(chunk, any_name=is_early)
        if column is None and not several:
            if not is_early and not {*truth.id_columns} & {*chunk.columns}:
                break
            continue
        rows, owners = _whole_ids(truth, chunk) if several else _owners(linker, chunk[column])
        owners, first = np.unique(owners, return_index=True)
        fresh = wanted[owners] & (units[owners] < 0)
        rows, owners = rows[first][fresh], owners[fresh]
        used, inverse = np.unique(rows, return_inverse=True)
        units[owners] = held + inverse
        kept.append(chunk.iloc[used])
        held += len(used)
    covered = int((units >= 0).sum())
    if not kept or covered < max(min(_LEAST_ROWS, wanted.sum()), _LEAST_SHARE * wanted.sum()):
        return Looked(table, None, start)
    cells = pd.concat(kept)
    names = frozenset({*truth.id_columns} & {*cells.columns} | ({column} if column is not None else set()))
    linked = Linked(table, "id", cells.reset_index(drop=True), units, cells.index.to_numpy(), names)
    return Looked(table, linked, start)


def _owners(linker: Linker, cells: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of places of cells and of the test rows that these name."""
    named = linker.named(cells)
    rows = np.flatnonzero(named >= 0)
    owners = [linker.rows_named(int(named[row])) for row in rows]
    if not owners:
        return rows, rows
    return np.repeat(rows, [len(owner) for owner in owners]), np.concatenate(owners)


def _whole_ids(truth: Truth, chunk: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    import pandas as pd

    ids = truth.ids.reset_index(drop=True).drop_duplicates()
    found = pd.MultiIndex.from_frame(ids).get_indexer(pd.MultiIndex.from_frame(chunk[[*truth.id_columns]]))
    rows = np.flatnonzero(found >= 0)
    return rows, ids.index.to_numpy()[found[rows]]


def is_sample(case: Case, path: str) -> bool:
    """Whether a table is the sample submission, whose answers another check looks at."""
    first = path.partition("!")[0].rpartition("/")[2].lower()
    return first == case.competition.sample_submission.name.lower() or ("sample" in first and "submission" in first)


def orders_of(case: Case, linked: Sequence[Linked]) -> Mapping[str, np.ndarray]:
    """Orders of all test rows that an agent sees, each shape (rows,): positions of test rows, first to last. By name."""
    truth = case.truth
    ids = truth.ids.iloc[:, 0].to_numpy(dtype=object)
    found: dict[str, np.ndarray] = {}
    for source in linked:
        owners = np.full(len(source.cells), -1, dtype=np.int64)
        told = np.flatnonzero(source.units >= 0)
        owners[source.units[told]] = told
        if len(source.cells) == truth.rows and (owners >= 0).all():
            found[f"the rows of {source.table.path}"] = owners
    found["the sample submission's rows"] = np.arange(truth.rows)
    found["ids sorted as texts"] = np.argsort(ids.astype(str), kind="stable")
    if all(text.isdigit() for text in ids[:1000]):
        found["ids sorted as numbers"] = np.array(sorted(range(len(ids)), key=lambda k: (len(ids[k]), ids[k])))
    different: dict[bytes, str] = {}
    for name, order in found.items():
        different.setdefault(order.tobytes(), name)
    return {name: found[name] for name in different.values()}


def _counted(cells: pd.DataFrame) -> np.ndarray:
    """The order of rows, shape (rows,) int64, in which a column counts them, from 0 or 1; that of the table where none does."""
    import pandas as pd

    rows = np.arange(len(cells))
    for column in cells.columns[:MOST_COLUMNS]:
        if str(cells[column].iloc[0]).strip().isdigit():
            numbers = pd.to_numeric(cells[column], errors="coerce").to_numpy(dtype=np.float64)
            order = np.argsort(numbers, kind="stable")
            if numbers[order[0]] in (0, 1) and (numbers[order] - numbers[order[0]] == rows).all():
                return order
    return rows


def by_place(case: Case, table: Sheet, orders: Mapping[str, np.ndarray], rows: int) -> Iterator[Linked]:
    """The cells of a table with as many rows as there are test rows, read in each order of these, forwards and backwards."""
    import pandas as pd

    cells = pd.concat([chunk.iloc[:, :MOST_COLUMNS] for chunk in table.chunks()]).reset_index(drop=True)
    cells = cells.iloc[_counted(cells)].reset_index(drop=True)
    kept = statistics.drawn(rows, MOST_ROWS)
    drawn = cells.iloc[kept].reset_index(drop=True)
    for name, order in orders.items():
        for direction, way in ((name, order), (f"{name}, backwards", order[::-1])):
            if len(way) != rows or len(cells) != rows:
                continue
            units = np.full(case.truth.rows, -1, dtype=np.int64)
            units[way[kept]] = np.arange(len(kept))
            yield Linked(table, direction, drawn, units, kept, frozenset())
