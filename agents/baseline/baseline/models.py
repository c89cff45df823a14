"""Fits one model per target: gradient boosting on columns, TF-IDF with a linear model on text, or both."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .features import Features
from .task import Target, Task

_FEW_ROWS = 3000
"""With at most this many rows a linear model is blended in, because boosting alone overfits."""
_MANY_CLASSES = 20
_MANY_TEXTS = 30_000


def predict(task: Task, rng: np.random.RandomState) -> dict[str, np.ndarray]:
    """Predictions for the test rows, by target name.

    Returns:
        an array of n values for regression; an array of shape (n, number of classes) whose rows sum to 1 for classification.
    """
    features = Features(task.train, task.test, task.features)
    train, test = features.tables()
    texts = vectorise(task, features.text_columns)
    predictions = {}
    for target in task.targets:
        seed = int(rng.randint(2**31 - 1))
        values = encode(task.train[target.name], target)
        parts = (train, test)
        if texts is not None:
            learnt = learn_text(texts, values, target, seed, stack=_has_columns(features))
            if not _has_columns(features):
                predictions[target.name] = decode(learnt[1], target)
                continue
            parts = (_beside(train, learnt[0]), _beside(test, learnt[1]))
        predicted = _learn_columns(*parts, features.categorical, values, target, seed)
        predictions[target.name] = decode(predicted, target)
    return predictions


def _has_columns(features: Features) -> bool:
    """Whether there is anything besides text lengths."""
    own = [name for name in features.train if not any(name.startswith(f"{text} ") for text in features.text_columns)]
    return bool(own) or not features.text_columns


def encode(values: pd.Series, target: Target) -> np.ndarray:
    """The answers as numbers: the targets, their logarithms, or class indices."""
    if target.kind == "regression":
        numbers = values.astype(float).to_numpy()
        return np.log1p(numbers) if target.relative else numbers
    codes = {name: code for code, name in enumerate(target.classes)}
    return values.astype(str).map(codes).to_numpy().astype(int)


def decode(predicted: np.ndarray, target: Target) -> np.ndarray:
    """Predictions in the units of the target."""
    return np.expm1(predicted) if target.relative else predicted


def vectorise(task: Task, columns: list[str]) -> tuple[scipy.sparse.csr_matrix, scipy.sparse.csr_matrix] | None:
    """TF-IDF of words and letters in train and test; None if nothing in the texts repeats."""
    blocks = []
    for column in columns:
        texts = [table[column].fillna("").astype(str) for table in (task.train, task.test)]
        vectorisers = [TfidfVectorizer(ngram_range=(1, 2), min_df=2, max_features=100_000, sublinear_tf=True)]
        if len(task.train) <= _MANY_TEXTS:
            vectorisers.append(
                TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=3, max_features=100_000, sublinear_tf=True)
            )
        for vectoriser in vectorisers:
            try:
                blocks.append((vectoriser.fit_transform(texts[0]), vectoriser.transform(texts[1])))
            except ValueError:
                # no word occurs twice
                continue
    if not blocks:
        return None
    train, test = ([block[side] for block in blocks] for side in (0, 1))
    return scipy.sparse.hstack(train).tocsr(), scipy.sparse.hstack(test).tocsr()


def learn_text(
    texts: tuple[scipy.sparse.csr_matrix, scipy.sparse.csr_matrix], values: np.ndarray, target: Target, seed: int, stack: bool
) -> tuple[np.ndarray | None, np.ndarray]:
    """Predictions for train (out of fold, when they are to be stacked) and for test."""
    train, test = texts
    if target.kind == "regression":
        model = Ridge(alpha=1.0, solver="sparse_cg", random_state=seed)
        method = "predict"
    elif train.shape[0] * len(target.classes) > 20 * _MANY_TEXTS:
        model = SGDClassifier(loss="log_loss", alpha=1e-6, random_state=seed)
        method = "predict_proba"
    else:
        model = LogisticRegression(C=4.0, max_iter=200, random_state=seed)
        method = "predict_proba"
    held_out = None
    if stack:
        held_out = cross_val_predict(model, train, values, cv=_folds(values, target, seed), method=method)
    fitted = model.fit(train, values)
    if target.kind == "regression":
        return held_out, fitted.predict(test)
    return held_out, spread(fitted.predict_proba(test), fitted.classes_, len(target.classes))


def _folds(values: np.ndarray, target: Target, seed: int) -> KFold | StratifiedKFold:
    if target.kind != "regression" and np.bincount(values)[np.unique(values)].min() >= 3:
        return StratifiedKFold(3, shuffle=True, random_state=seed)
    return KFold(3, shuffle=True, random_state=seed)


def _beside(table: pd.DataFrame, predicted: np.ndarray | None) -> pd.DataFrame:
    columns = np.atleast_2d(np.asarray(predicted).T)
    return table.assign(**{f"text model {number}": column for number, column in enumerate(columns)})


def _learn_columns(
    train: pd.DataFrame, test: pd.DataFrame, categorical: list[str], values: np.ndarray, target: Target, seed: int
) -> np.ndarray:
    few = len(train) <= _FEW_ROWS
    many_classes = len(target.classes) > _MANY_CLASSES
    # each tree sees some of the columns, which reduces overfitting and makes seeds differ
    early = {"early_stopping": not few, "max_features": 0.7, "random_state": seed}
    in_trees = [name in categorical for name in train.columns]
    if target.kind == "regression":
        boosted = HistGradientBoostingRegressor(
            max_iter=150 if few else 400, learning_rate=0.05, categorical_features=in_trees, **early
        )
        predicted = boosted.fit(train, values).predict(test)
        if few:
            linear = on_scaled_columns(train, categorical, Ridge(alpha=3.0))
            predicted = (predicted + linear.fit(train, values).predict(test)) / 2
        return predicted
    if many_classes:
        boosted = make_pipeline(SimpleImputer(), ExtraTreesClassifier(300, random_state=seed, n_jobs=-1))
    else:
        boosted = HistGradientBoostingClassifier(
            max_iter=100 if few else 300, learning_rate=0.06, categorical_features=in_trees, **early
        )
    boosted.fit(train, values)
    predicted = spread(boosted.predict_proba(test), boosted.classes_, len(target.classes))
    if few or many_classes:
        linear = on_scaled_columns(train, categorical, LogisticRegression(C=1.0, max_iter=500, random_state=seed)).fit(
            train, values
        )
        predicted = (predicted + spread(linear.predict_proba(test), linear.classes_, len(target.classes))) / 2
    return predicted


def on_scaled_columns(train: pd.DataFrame, categorical: list[str], model: object) -> object:
    """A linear or nearest-neighbour model on scaled numbers and one-hot categories."""
    numeric = [name for name in train.columns if name not in categorical]
    prepared = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler()), numeric),
            ("categories", OneHotEncoder(handle_unknown="ignore", min_frequency=2), categorical),
        ]
    )
    return make_pipeline(prepared, model)


def spread(probabilities: np.ndarray, classes: np.ndarray, count: int) -> np.ndarray:
    """Probabilities for all classes, including those that no train row has."""
    full = np.zeros((len(probabilities), count))
    full[:, classes] = probabilities
    return full
