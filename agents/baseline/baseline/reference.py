"""Reference methods, from a constant to the whole baseline: each writes a submission, and their scores form a leaderboard."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from .features import Features
from .models import decode, encode, learn_text, on_scaled_columns, predict, spread, vectorise
from .submission import fill_in, write
from .tables import data_files, find_sample, find_tables
from .task import Target, Task, recognise

_MOST_ROWS = 20_000
"""Training rows that reference methods use; the baseline itself uses more."""
_PRIOR = 10
"""The overall mean counts as this many rows when it is blended with the mean of a category."""
LISTED = "listed.json"

Model = tuple[Callable[[], object], Callable[[], object]]
"""Makes a classifier, and a regressor."""


class _Data(NamedTuple):
    """What a method fits and predicts for one target."""

    train: pd.DataFrame
    test: pd.DataFrame
    categorical: list[str]
    values: np.ndarray
    target: Target


Method = Callable[[_Data], np.ndarray]


def main(words: list[str]) -> int:
    """Write one submission per method into `out=…`, and `listed.json`: their names, and why other methods have none."""
    options = dict(word.split("=", 1) for word in words)
    data, out = Path(os.environ["DATA_DIR"]), Path(options["out"])
    with tempfile.TemporaryDirectory() as scratch:
        files = data_files(data, Path(scratch))
        sample_path = find_sample(files)
        if sample_path is None:
            print(f"There is no sample submission in {data}.", file=sys.stderr)
            return 1
        sample = pd.read_csv(sample_path, dtype=str, keep_default_na=False)
        description = data / "description.md"
        text = description.read_text(encoding="utf-8") if description.is_file() else ""
        task = recognise(sample, find_tables(files, sample_path, int(options.get("max_rows", 200_000))), text)
    write(sample, out / "0.csv")
    submitted, left_out = {"0": "sample submission"}, {}
    if task is None:
        left_out["all other methods"] = "the targets are not in tables with features"
    for name, predicted in _all_predictions(task) if task is not None else ():
        try:
            write(fill_in(sample, task, predicted()), out / f"{len(submitted)}.csv")
        except Exception as error:
            # a method that cannot fit such data must not prevent the others
            left_out[name] = f"{type(error).__name__}: {error}"
            continue
        submitted[str(len(submitted))] = name
    (out / LISTED).write_text(json.dumps({"submitted": submitted, "left_out": left_out}), encoding="utf-8")
    return 0


def _all_predictions(task: Task) -> Iterator[tuple[str, Callable[[], Mapping[str, np.ndarray]]]]:
    """The methods with their predictors, simplest first."""
    few = task.train
    if len(few) > _MOST_ROWS:
        few = few.sample(_MOST_ROWS, random_state=0).reset_index(drop=True)
    features = Features(few, task.test, task.features)
    tables = features.tables()

    def by(method: Method) -> Callable[[], Mapping[str, np.ndarray]]:
        def predicted() -> Mapping[str, np.ndarray]:
            return {
                target.name: decode(
                    method(_Data(*tables, features.categorical, encode(few[target.name], target), target)), target
                )
                for target in task.targets
            }

        return predicted

    for name, method in _METHODS.items():
        yield name, by(method)
    if features.text_columns:
        yield "linear model of words", lambda: _of_texts(task, few, features)
    yield "gradient boosting beside a linear model", lambda: predict(task, np.random.RandomState(0))


def _of_texts(task: Task, few: pd.DataFrame, features: Features) -> Mapping[str, np.ndarray]:
    texts = vectorise(Task(few, task.test, task.places, task.features, task.targets, task.shares), features.text_columns)
    if texts is None:
        raise ValueError("no word occurs twice")
    return {
        target.name: decode(learn_text(texts, encode(few[target.name], target), target, 0, stack=False)[1], target)
        for target in task.targets
    }


def _mean(data: _Data) -> np.ndarray:
    if data.target.kind == "regression":
        return np.full(len(data.test), data.values.mean())
    shares = np.bincount(data.values, minlength=len(data.target.classes)) / len(data.values)
    return np.tile(shares, (len(data.test), 1))


def _middle(data: _Data) -> np.ndarray:
    """The median, or the most frequent class with its frequency in train as the probability."""
    if data.target.kind == "regression":
        return np.full(len(data.test), np.median(data.values))
    most = np.zeros((len(data.test), len(data.target.classes)))
    most[:, np.bincount(data.values).argmax()] = 1
    return most


def _by_category(data: _Data) -> np.ndarray:
    """The means by category, for the categorical column that separates the targets of train best."""
    if not data.categorical:
        raise ValueError("no column holds categories")
    goal = _one_hot(data)
    fitted = {name: _means_by(data.train[name], goal, data.train[name]) for name in data.categorical}
    best = max(fitted, key=lambda name: float(fitted[name].var(axis=0).sum()))
    found = _means_by(data.train[best], goal, data.test[best])
    return found[:, 0] if data.target.kind == "regression" else found


def _one_hot(data: _Data) -> np.ndarray:
    if data.target.kind == "regression":
        return data.values[:, None]
    return np.eye(len(data.target.classes))[data.values]


def _means_by(known: pd.Series, goal: np.ndarray, asked: pd.Series) -> np.ndarray:
    """The mean of each category, shrunk towards the overall mean if it has few rows."""
    overall = goal.mean(axis=0)
    by_category = pd.DataFrame(goal).groupby(known.fillna(-1).to_numpy())
    sums, count = by_category.sum(), by_category.size()
    means = (sums + _PRIOR * overall).div(count + _PRIOR, axis=0)
    return means.reindex(asked.fillna(-1)).fillna(dict(enumerate(overall))).to_numpy()


def _fit(model: object, data: _Data) -> np.ndarray:
    fitted = model.fit(data.train, data.values)  # type: ignore[attr-defined]
    if data.target.kind == "regression":
        return fitted.predict(data.test)
    return spread(fitted.predict_proba(data.test), fitted.classes_, len(data.target.classes))


def _trees(models: Model) -> Method:
    """A model that accepts any numbers; missing values are imputed."""

    def method(data: _Data) -> np.ndarray:
        chosen = models[data.target.kind == "regression"]
        return _fit(make_pipeline(SimpleImputer(keep_empty_features=True), chosen()), data)

    return method


def _distances(models: Model) -> Method:
    """A model that needs scaled columns."""

    def method(data: _Data) -> np.ndarray:
        return _fit(on_scaled_columns(data.train, data.categorical, models[data.target.kind == "regression"]()), data)

    return method


def _tree(depth: int) -> Method:
    return _trees(
        (
            lambda: DecisionTreeClassifier(max_depth=depth, min_samples_leaf=5, random_state=0),
            lambda: DecisionTreeRegressor(max_depth=depth, min_samples_leaf=5, random_state=0),
        )
    )


def _neighbours(count: int) -> Method:
    def method(data: _Data) -> np.ndarray:
        most = min(count, len(data.train))
        return _distances((lambda: KNeighborsClassifier(most), lambda: KNeighborsRegressor(most)))(data)

    return method


def _boosted(rounds: int) -> Method:
    settings = {"max_iter": rounds, "learning_rate": 0.06, "early_stopping": False, "random_state": 0}
    return _trees((lambda: HistGradientBoostingClassifier(**settings), lambda: HistGradientBoostingRegressor(**settings)))


def _forest(classifier: type, regressor: type) -> Method:
    settings = {"n_estimators": 100, "min_samples_leaf": 2, "random_state": 0}
    return _trees((lambda: classifier(**settings), lambda: regressor(**settings)))


_METHODS: Mapping[str, Method] = {
    "mean of each target": _mean,
    "median or most frequent class": _middle,
    "means by one category": _by_category,
    "one threshold of one column": _tree(1),
    "decision tree of depth 4": _tree(4),
    "5 nearest neighbours": _neighbours(5),
    "50 nearest neighbours": _neighbours(50),
    "linear model": _distances((lambda: LogisticRegression(max_iter=500), lambda: Ridge(alpha=1.0))),
    "linear model, strongly regularised": _distances(
        (lambda: LogisticRegression(C=0.01, max_iter=500), lambda: Ridge(alpha=100.0))
    ),
    "random forest, 100 trees": _forest(RandomForestClassifier, RandomForestRegressor),
    "extremely random trees, 100": _forest(ExtraTreesClassifier, ExtraTreesRegressor),
    "gradient boosting, 10 rounds": _boosted(10),
    "gradient boosting, 50 rounds": _boosted(50),
    "gradient boosting, 200 rounds": _boosted(200),
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
