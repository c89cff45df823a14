"""What an agent may learn from: the training units and their answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mlebench.preparation.audit.seen.listing import Seen
from mlebench.preparation.audit.seen.tables import SeenTable, tables_of
from mlebench.preparation.audit.truth import Target, Truth, stem

if TYPE_CHECKING:
    import pandas as pd

_MOST_ROWS = 2_000_000
"""Of training rows; the answers of this many are enough to learn from."""
_LOOKED_AT = 2_000
"""Rows of a table from which the content of its columns is determined."""
_LEAST_OF_CLASSES = 0.5
"""Share of the different cells of a column that must be classes of the target for it to hold them."""


@dataclass(frozen=True)
class TrainLabels:
    """Answers of training units, found in tables by the names of targets, or in the names of folders."""

    of: Mapping[str, pd.Series]
    """By target name, the value by unit (an id of a training row, or the path of a training file), as `Target.values` has it."""
    tables: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By path of a table the columns of ids and of answers (of the first target) in it; the id column is empty if rows have no
    id, and units are then `PATH:ROW`."""
    shared: frozenset[str] = frozenset()
    """Ids that test rows have as well, as both sides are numbered: they name a training unit only in a path that says `train`."""

    def value(self, target: str, path_or_id: str) -> object | None:
        """The answer of the unit that an id, a path or a path's stem names; None if it is not known."""
        known = self.of.get(target)
        if known is None:
            return None
        says_train = "train" in path_or_id.lower()
        for name in _names(path_or_id):
            if name in known.index and (says_train or name not in self.shared):
                found: object = known[name]
                return found
        return None

    def is_train(self, path: str) -> bool:
        """Whether a file is on the training side: it has a known answer, or is in a folder or table of training data."""
        return path in self.tables or "train" in path.lower() or any(self.value(target, path) is not None for target in self.of)

    def values(self, target: str, units: np.ndarray) -> np.ndarray:
        """`value` of many ids, shape (units,), object; None if it is not known."""
        known = self.of.get(target)
        if known is None:
            return np.full(len(units), None, dtype=object)
        found = known.reindex(np.asarray(units, dtype=object)).to_numpy(dtype=object)
        return np.array([None if value is None or value != value else value for value in found], dtype=object)


def read_labels(seen: Seen, truth: Truth, sample: str) -> TrainLabels:
    """The answers of the training side.

    Args:
        seen: the public folder.
        truth: the answers of the test side.
        sample: path of the sample submission below the public folder, which holds no labels.
    """
    found: dict[str, list[pd.Series]] = {target.name: [] for target in truth.targets}
    tables: dict[str, tuple[str, str]] = {}
    for table in tables_of(seen):
        if table.path == sample:
            continue
        for place, (target, columns) in enumerate(_columns_of(table, truth)):
            ids, labels = _read(table, target, columns, truth)
            if len(labels) and place == 0:
                tables[table.path] = (ids, columns[0])
            found[target.name].append(labels)
    for target in truth.targets:
        if target.kind == "class":
            found[target.name].append(_of_folders(seen, target, truth))
    of = {name: _joined(parts) for name, parts in found.items() if any(map(len, parts))}
    return TrainLabels(of, tables, frozenset(key for key in truth.keys for labels in of.values() if key in labels.index))


def _columns_of(table: SeenTable, truth: Truth) -> Iterator[tuple[Target, Sequence[str]]]:
    """The targets that a table holds, with their columns in it."""
    named = {column.lower(): column for column in table.columns}
    head: pd.DataFrame | None = None
    for target in truth.targets:
        wanted = [column.lower() for column in target.columns]
        if all(column in named for column in wanted):
            yield target, [named[column] for column in wanted]
        elif target.name.lower() in named:
            yield target, [named[target.name.lower()]]
        elif len(target.classes) > 2:
            head = table.read(_LOOKED_AT) if head is None else head
            columns = [column for column in table.columns if _holds_classes(head[column], target)]
            if len(columns) == 1:
                yield target, columns


def _holds_classes(cells: pd.Series, target: Target) -> bool:
    different = {*cells.astype(str)} - {""}
    classes = {*target.classes}
    return len(different & classes) >= max(2, _LEAST_OF_CLASSES * min(len(different), len(classes))) and len(
        different & classes
    ) >= _LEAST_OF_CLASSES * len(different)


def _read(table: SeenTable, target: Target, columns: Sequence[str], truth: Truth) -> tuple[str, pd.Series]:
    """The column of ids, and the answers of the training rows of a table by unit."""
    import pandas as pd

    parts, read, ids = [], 0, None
    for chunk in table.chunks():
        ids = _id_column(chunk, columns, truth) if ids is None else ids
        units = _units(chunk, ids, table, read)
        read += len(chunk)
        part = pd.Series(_values(chunk, target, columns), index=units, dtype=object)
        # the test side with its answers is a leak, not something to learn from
        parts.append(part if "train" in table.path.lower() else part[~units.isin(truth.keys)])
        if read >= _MOST_ROWS:
            break
    return ids or "", _joined(parts)


def _units(chunk: pd.DataFrame, ids: str, table: SeenTable, read: int) -> pd.Index:
    import pandas as pd

    if not ids:
        return pd.Index([f"{table.path}:{row}" for row in range(read, read + len(chunk))])
    return pd.Index(chunk[ids].astype(str))


def _id_column(chunk: pd.DataFrame, labels: Sequence[str], truth: Truth) -> str:
    """The column that names training rows: called as in the answers, else the first one without repeats; empty for none."""
    others = [column for column in chunk.columns if column not in labels]
    for column in others:
        if column in truth.id_columns:
            return str(column)
    return next((str(column) for column in others if chunk[column].is_unique and (chunk[column] != "").all()), "")


def _values(chunk: pd.DataFrame, target: Target, columns: Sequence[str]) -> np.ndarray:
    import pandas as pd

    if target.kind == "number":
        measured: np.ndarray = pd.to_numeric(chunk[columns[0]], errors="coerce").to_numpy(dtype=object)
        return measured
    if len(columns) > 1:
        numbers = chunk[[*columns]].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
        named: np.ndarray = np.asarray(target.columns, dtype=object)[np.nan_to_num(numbers).argmax(axis=1)]
        return named
    cells = chunk[columns[0]].astype(str).to_numpy(dtype=object)
    if {*target.classes} == {"0", "1"}:
        words = {"true": "1", "false": "0", "1.0": "1", "0.0": "0"}
        cells = np.array([words.get(cell.lower(), cell) for cell in cells], dtype=object)
    return cells


def _of_folders(seen: Seen, target: Target, truth: Truth) -> pd.Series:
    """Answers that are in the paths of training files: `train/Maize/1.png`."""
    import pandas as pd

    by_text = {text: name for name in target.classes for text in (name, name.lower(), name.replace(" ", "_"))}
    paths, values = [], []
    for file in seen.files:
        value = next((by_text[part] for part in file.parts[-2::-1] if part in by_text), None)
        if value is not None and not truth.rows_of(file.path).size:
            paths.append(file.path)
            values.append(value)
    return pd.Series(values, index=pd.Index(paths, dtype=object), dtype=object)


def _joined(parts: Iterable[pd.Series]) -> pd.Series:
    import pandas as pd

    whole = [part for part in parts if len(part)]
    if not whole:
        return pd.Series([], index=pd.Index([], dtype=object), dtype=object)
    joined: pd.Series = pd.concat(whole)
    joined = joined[~joined.index.duplicated()]
    return joined


def _names(path_or_id: str) -> Iterator[str]:
    yield path_or_id
    name = path_or_id.rpartition("/")[2]
    yield name
    yield stem(name)
    yield from reversed(path_or_id.replace("!", "").split("/")[:-1])
