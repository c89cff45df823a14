"""The leaderboards of the demo split, honestly obtained: named models, trained and graded on the v1 split.

python benchmarks/demo_leaderboards.py            # writes competitions/demo-*/leaderboard.csv
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    HuberRegressor,
    Lasso,
    LassoLars,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlebench.preparation import prepare
from mlebench.preparation.references import rank, write_leaderboard
from mlebench.registry import Competition, Registry

Roster = dict[str, Callable[[], BaseEstimator]]

NEIGHBOURS = (1, 2, 3, 5, 7, 9, 15, 25, 40)
STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)
DEPTHS = (1, 2, 3, 5, 8, None)


def _scaled(make: Callable[..., BaseEstimator], **options: Any) -> Callable[[], BaseEstimator]:
    return lambda: make_pipeline(StandardScaler(), make(**options))


def _support_vectors(**options: Any) -> BaseEstimator:
    return CalibratedClassifierCV(SVC(**options), ensemble=False)


def _plain(make: Callable[..., BaseEstimator], **options: Any) -> Callable[[], BaseEstimator]:
    return lambda: make(**options)


def classifiers() -> Roster:
    """Named configurations that predict class probabilities."""
    roster: Roster = {
        "most frequent class": _plain(DummyClassifier),
        "uniform guess": _plain(DummyClassifier, strategy="uniform", random_state=0),
    }
    roster |= {f"{k} nearest neighbours": _scaled(KNeighborsClassifier, n_neighbors=k) for k in NEIGHBOURS}
    roster |= {
        f"{k} nearest neighbours, distance-weighted": _scaled(KNeighborsClassifier, n_neighbors=k, weights="distance")
        for k in NEIGHBOURS
    }
    roster |= {f"logistic regression, C={c:g}": _scaled(LogisticRegression, C=c, max_iter=2000) for c in STRENGTHS}
    roster |= {f"support vectors, RBF, C={c:g}": _scaled(_support_vectors, C=c) for c in STRENGTHS}
    roster |= {f"support vectors, linear, C={c:g}": _scaled(_support_vectors, kernel="linear", C=c) for c in STRENGTHS[:4]}
    roster |= {f"decision tree, depth {d}": _plain(DecisionTreeClassifier, max_depth=d, random_state=0) for d in DEPTHS}
    roster |= {
        f"random forest, 100 trees, depth {d}": _plain(RandomForestClassifier, max_depth=d, random_state=0) for d in DEPTHS
    }
    roster |= {f"extra trees, 100 trees, depth {d}": _plain(ExtraTreesClassifier, max_depth=d, random_state=0) for d in DEPTHS}
    roster |= {
        f"gradient boosting, 30 trees, depth {d}": _plain(
            GradientBoostingClassifier, n_estimators=30, max_depth=d, random_state=0
        )
        for d in (1, 2, 3)
    }
    roster |= {
        f"histogram boosting, rate {r:g}": _plain(HistGradientBoostingClassifier, learning_rate=r, max_iter=50, random_state=0)
        for r in (0.03, 0.1, 0.3)
    }
    roster |= {
        f"neural network, {h} hidden units": _scaled(MLPClassifier, hidden_layer_sizes=(h,), max_iter=400, random_state=0)
        for h in (8, 32, 128)
    }
    roster |= {f"AdaBoost, {n} stumps": _plain(AdaBoostClassifier, n_estimators=n, random_state=0) for n in (20, 50, 100)}
    roster |= {
        "bagged trees": _plain(BaggingClassifier, random_state=0),
        "Gaussian naive Bayes": _scaled(GaussianNB),
        "Bernoulli naive Bayes": _scaled(BernoulliNB),
        "linear discriminant analysis": _scaled(LinearDiscriminantAnalysis),
        "linear discriminant analysis, shrunk": _scaled(LinearDiscriminantAnalysis, solver="lsqr", shrinkage="auto"),
        "quadratic discriminant analysis, regularised": _scaled(QuadraticDiscriminantAnalysis, reg_param=0.2),
    }
    return roster


def regressors() -> Roster:
    """Named configurations that predict a number."""
    roster: Roster = {
        "mean": _plain(DummyRegressor),
        "median": _plain(DummyRegressor, strategy="median"),
        "least squares": _scaled(LinearRegression),
    }
    roster |= {f"{k} nearest neighbours": _scaled(KNeighborsRegressor, n_neighbors=k) for k in NEIGHBOURS}
    roster |= {
        f"{k} nearest neighbours, distance-weighted": _scaled(KNeighborsRegressor, n_neighbors=k, weights="distance")
        for k in NEIGHBOURS[2:]
    }
    roster |= {f"ridge, alpha={a:g}": _scaled(Ridge, alpha=a) for a in STRENGTHS}
    roster |= {f"lasso, alpha={a:g}": _scaled(Lasso, alpha=a) for a in STRENGTHS[2:5]}
    roster |= {f"elastic net, alpha={a:g}": _scaled(ElasticNet, alpha=a) for a in STRENGTHS[1:4]}
    roster |= {f"support vectors, RBF, C={c:g}": _scaled(SVR, C=c) for c in STRENGTHS}
    roster |= {f"decision tree, depth {d}": _plain(DecisionTreeRegressor, max_depth=d, random_state=0) for d in DEPTHS}
    roster |= {f"random forest, 100 trees, depth {d}": _plain(RandomForestRegressor, max_depth=d, random_state=0) for d in DEPTHS}
    roster |= {f"extra trees, 100 trees, depth {d}": _plain(ExtraTreesRegressor, max_depth=d, random_state=0) for d in DEPTHS}
    roster |= {
        f"gradient boosting, 100 trees, depth {d}": _plain(GradientBoostingRegressor, max_depth=d, random_state=0)
        for d in (1, 2, 3, 5)
    }
    roster |= {
        f"histogram boosting, rate {r:g}": _plain(HistGradientBoostingRegressor, learning_rate=r, random_state=0)
        for r in (0.03, 0.1, 0.3)
    }
    roster |= {f"AdaBoost, {n} trees": _plain(AdaBoostRegressor, n_estimators=n, random_state=0) for n in (20, 50)}
    roster |= {
        f"neural network, {h} hidden units": _scaled(MLPRegressor, hidden_layer_sizes=(h,), max_iter=2000, random_state=0)
        for h in (8, 32)
    }
    roster |= {
        "Bayesian ridge": _scaled(BayesianRidge),
        "Huber": _scaled(HuberRegressor),
        "least-angle lasso": _scaled(LassoLars, alpha=0.1),
        "Poisson regression": _scaled(PoissonRegressor),
        "Tweedie regression": _scaled(TweedieRegressor, power=1.5),
        "bagged trees": _plain(BaggingRegressor, random_state=0),
        "ridge on squares and products": lambda: make_pipeline(StandardScaler(), PolynomialFeatures(2), Ridge(alpha=100.0)),
        "Gaussian process": _scaled(
            GaussianProcessRegressor, kernel=RBF(5.0) + WhiteKernel(1.0), normalize_y=True, random_state=0
        ),
    }
    return roster


def roster_of(competition: Competition) -> Roster:
    """The models that a demo competition's leaderboard lists."""
    return regressors() if competition.facts.task == "regression" else classifiers()


def evaluate(competition: Competition, names: Iterable[str]) -> dict[str, float]:
    """Train models on the public data of a prepared demo competition and grade them on its answers.

    Returns:
        Score by name, rounded to 5 decimals, best first.
    """
    return rank(competition, submissions(competition, names), competition.answers_table)


def submissions(competition: Competition, names: Iterable[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """The submission of each model."""
    train, test, sample = (pd.read_csv(competition.public_dir / f"{part}.csv") for part in ("train", "test", "sample_submission"))
    (target,) = set(train) - set(test)
    features = [column for column in test if column != "id"]
    roster = roster_of(competition)
    for name in names:
        model = roster[name]().fit(train[features], train[target])
        yield name, predict(model, test[features], sample.assign(id=test["id"]))


def predict(model: Any, features: pd.DataFrame, sample: pd.DataFrame) -> pd.DataFrame:
    """Fill the sample submission: class probabilities, the probability of class 1, classes, or values of at least 0."""
    columns = [column for column in sample if column != "id"]
    if len(columns) > 1:
        return sample.assign(**dict(zip(columns, model.predict_proba(features).T, strict=True)))
    if sample[columns[0]].between(0.01, 0.99).all():
        return sample.assign(**{columns[0]: model.predict_proba(features)[:, 1]})
    return sample.assign(**{columns[0]: model.predict(features).clip(0)})


def main() -> None:
    """Write the leaderboard of every demo competition."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(Path(folder))
        for competition_id in registry.list_competition_ids("demo"):
            competition = registry.get_competition(competition_id)
            competition.root.mkdir(parents=True)
            prepare(competition, competition.root)
            board = evaluate(competition, roster_of(competition))
            write_leaderboard(competition.folder / "leaderboard.csv", board)
            print(f"{competition_id}: {len(board)} models, best {next(iter(board.items()))}")


if __name__ == "__main__":
    main()
