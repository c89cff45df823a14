"""Works out the task: which table is train, which is test, what the targets are and in which form they are expected."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

Kind = Literal["regression", "labels", "probability", "class probabilities"]
_WANTS_PROBABILITIES = re.compile(
    r"\bAUC\b|ROC|log[- ]?loss|logarithmic loss|cross[- ]entropy|probabilit|average precision|\bBrier\b", re.IGNORECASE
)
_WANTS_SHARES = re.compile(_WANTS_PROBABILITIES.pattern + r"|distribution|divergence|votes", re.IGNORECASE)
_RELATIVE_ERRORS = re.compile(r"\bRMSLE\b|(?<!cross-entropy )logarithmic error|log error", re.IGNORECASE)
_MOST_CLASSES = 200
_TARGET_NAMES = ("target", "label", "class", "y")


@dataclass
class Target:
    """One thing to predict."""

    name: str
    """Column of the train table."""
    kind: Kind
    columns: list[str]
    """Submission columns: one, or one per class in `classes`."""
    classes: list[str]
    """Names of the classes as the submission writes them; empty for regression."""
    relative: bool = False
    """Errors are relative, so fit the logarithm."""


@dataclass
class Task:
    """Everything that fitting needs."""

    train: pd.DataFrame
    test: pd.DataFrame
    """The rows that the sample submission lists."""
    places: np.ndarray
    """For each test row, its row in the sample; several test rows may share one (images of one patient)."""
    features: list[str]
    targets: list[Target]
    shares: bool
    """The targets of a row are shares of 1."""

    def summary(self) -> str:
        """One line for the log."""
        goals = ", ".join(f"{target.name} ({target.kind})" for target in self.targets[:6])
        more = f" and {len(self.targets) - 6} more" if len(self.targets) > 6 else ""
        return f"{len(self.train)} train and {len(self.test)} test rows, {len(self.features)} features; {goals}{more}."


def recognise(sample: pd.DataFrame, tables: dict[str, pd.DataFrame], description: str) -> Task | None:
    """Find train, test and targets; None if the task is not tabular.

    Args:
        sample: the sample submission, every cell as text.
        tables: the other tables, by file name.
        description: the task's text; its metric distinguishes labels from probabilities.
    """
    for train, test in _pairs(tables):
        aligned = _align(sample, test)
        if aligned is None:
            continue
        given, key, places = aligned
        wanted = [column for column in sample.columns if column not in given]
        targets = _targets(sample, train, test, wanted, description)
        if not targets:
            continue
        names = {target.name for target in targets}
        known = train.dropna(subset=sorted(names)).reset_index(drop=True)
        shares = _wants_shares(sample[wanted], known, targets, description)
        if shares and all(target.kind == "regression" for target in targets):
            known[wanted] = known[wanted].div(known[wanted].sum(axis=1).replace(0, 1), axis=0)
        features = [column for column in train.columns if column in test.columns and column not in names]
        features = [column for column in features if not _is_plain_id(column, key, train)]
        if len(known) >= 10 and any(column != key for column in features):
            asked = test[places >= 0].reset_index(drop=True)
            return Task(known, asked, places[places >= 0], features, targets, shares)
    return None


def _pairs(tables: dict[str, pd.DataFrame]) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """Train and test tables that may belong together, the most similar first."""
    found = []
    for train_name, train in tables.items():
        for test_name, test in tables.items():
            if re.search("train|label", train_name, re.IGNORECASE) and re.search("test", test_name, re.IGNORECASE):
                found.append((len(set(train.columns) & set(test.columns)), train, test))
    return [(train, test) for shared, train, test in sorted(found, key=lambda entry: -entry[0]) if shared]


class _Alignment(NamedTuple):
    given: list[str]
    """Columns of the sample that are not targets."""
    key: str | None
    """The one that identifies its rows; None if rows are matched by order."""
    places: np.ndarray
    """For each test row, its position in the sample; -1 if the sample does not list it."""


def _align(sample: pd.DataFrame, test: pd.DataFrame) -> _Alignment | None:
    first = sample.columns[0]
    for column in [first, *test.columns]:
        if column not in test.columns:
            continue
        keys = test[column].astype(str)
        if sample[first].is_unique and set(sample[first]) <= set(keys):
            places = dict(zip(sample[first], range(len(sample)), strict=True))
            return _Alignment([first], first, keys.map(places).fillna(-1).to_numpy(dtype=int))
    shared = [column for column in sample.columns if column in test.columns]
    if len(sample) != len(test):
        return None
    in_order = np.arange(len(sample))
    if shared and all(_is_same(sample[column], test[column]) for column in shared):
        return _Alignment(shared, None, in_order)
    return _Alignment([first], None, in_order) if _counts_rows(sample[first]) else None


def _is_same(texts: pd.Series, values: pd.Series) -> bool:
    """Whether a column read as text has the same values as the one read by type."""
    if pd.api.types.is_float_dtype(values):
        return np.allclose(pd.to_numeric(texts, errors="coerce"), values, equal_nan=True)
    return bool((texts == values.fillna("").astype(str)).all())


def _counts_rows(ids: pd.Series) -> bool:
    """Whether ids are 0, 1, 2, … or 1, 2, 3, …"""
    numbers = pd.to_numeric(ids, errors="coerce")
    return bool(numbers.notna().all() and (numbers.diff().iloc[1:] == 1).all() and numbers.iloc[0] in (0, 1))


def _targets(sample: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, wanted: list[str], description: str) -> list[Target]:
    if wanted and all(column in train.columns for column in wanted):
        found = [_single(train[column], column, column, sample[column], description) for column in wanted]
        return [target for target in found if target is not None] if None not in found else []
    hidden = [column for column in train.columns if column not in test.columns]
    for column in hidden:
        classes = set(train[column].dropna().astype(str))
        by_class = {_class_of(name, classes) or name: name for name in wanted}
        if len(wanted) > 1 and len(classes) > 1 and classes <= set(by_class):
            return [Target(column, "class probabilities", list(by_class.values()), list(by_class))]
    likely = [column for column in hidden if len(hidden) == 1 or column.lower() in _TARGET_NAMES]
    if len(wanted) == 1 and len(likely) == 1:
        target = _single(train[likely[0]], likely[0], wanted[0], sample[wanted[0]], description)
        return [target] if target else []
    return []


def _wants_shares(example: pd.DataFrame, train: pd.DataFrame, targets: list[Target], description: str) -> bool:
    """Whether the targets of a row sum to 1, as votes or probabilities of classes do."""
    columns = [target.name for target in targets]
    if len(targets) < 2 or list(example.columns) != columns or any(target.kind == "labels" for target in targets):
        return False
    sums_to_one = np.allclose(example.astype(float).sum(axis=1), 1)
    return bool(sums_to_one and (train[columns].astype(float) >= 0).all(axis=None) and _WANTS_SHARES.search(description))


def _class_of(column: str, classes: set[str]) -> str | None:
    """The class whose probability a column holds: its own name, or a name such as `Class_3` or `probability_2`."""
    if column in classes:
        return column
    ending = re.split(r"[_ ]", column)[-1]
    return ending if ending in classes else None


def _single(values: pd.Series, name: str, column: str, example: pd.Series, description: str) -> Target | None:
    known = values.dropna()
    distinct = known.nunique()
    if distinct < 2:
        return None
    numeric = pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known)
    whole = numeric and bool((known % 1 == 0).all())
    if numeric and (not whole or distinct > max(20, len(known) ** 0.5 / 4)):
        relative = bool(_RELATIVE_ERRORS.search(description)) and bool((known > -1).all())
        return Target(name, "regression", [column], [], relative)
    if distinct > min(_MOST_CLASSES, len(known) / 2):
        return None
    classes = [str(value) for value in sorted(known.unique(), key=lambda value: (str(type(value)), value))]
    examples = set(example)
    if distinct == 2 and not examples <= set(classes):
        return Target(name, "probability", [column], classes)
    if distinct == 2 and numeric and _WANTS_PROBABILITIES.search(description):
        return Target(name, "probability", [column], classes)
    if numeric and not examples <= set(classes) and any("." in cell for cell in examples):
        return Target(name, "regression", [column], [])
    return Target(name, "labels", [column], classes)


def _is_plain_id(column: str, key: str | None, train: pd.DataFrame) -> bool:
    """Whether a column is an id without information; a few ids, such as `0013_01`, have structure."""
    if column != key and column.lower() not in ("id", "index"):
        return False
    return not (train[column].dtype == object and train[column].astype(str).str.contains(r"[_/]").all())
