"""Methods that estimate a function of one variable from a few observations: y at new inputs, given x and y of shape (n,)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""`fit(x, y, at) -> y at `at``."""


def mean(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The mean of the observations."""
    return np.full(len(at), y.mean())


def nearest(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The value at the nearest observation."""
    return np.asarray(y[np.abs(at[:, None] - x[None, :]).argmin(axis=1)])


def interpolation(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Straight lines between observations."""
    order = np.argsort(x, kind="stable")
    return np.asarray(np.interp(at, x[order], y[order]))


def polynomial(x: np.ndarray, y: np.ndarray, at: np.ndarray, *, degree: int) -> np.ndarray:
    """Least squares."""
    return np.asarray(np.polynomial.polynomial.polyval(at / 100, np.polynomial.polynomial.polyfit(x / 100, y, degree)))


def monotone_cubic(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Cubic pieces that do not leave the range of two neighbouring observations; constant beyond the last ones."""
    from scipy.interpolate import PchipInterpolator

    # observations at one place have one value
    places, owners = np.unique(x, return_inverse=True)
    values = np.bincount(owners, weights=y) / np.bincount(owners)
    return np.asarray(PchipInterpolator(places, values)(np.clip(at, places[0], places[-1])))


Kernel = Callable[[np.ndarray], np.ndarray]
"""Covariance by distance, 1 at distance 0."""


def squared_exponential(distance: np.ndarray) -> np.ndarray:
    """Of smooth functions."""
    return np.exp(-(distance**2) / 2)


def matern(distance: np.ndarray) -> np.ndarray:
    """Of functions with corners: Matérn's with smoothness 3/2."""
    scaled = np.sqrt(3) * np.abs(distance)
    return np.asarray((1 + scaled) * np.exp(-scaled))


def gaussian_process(x: np.ndarray, y: np.ndarray, at: np.ndarray, *, kernel: Kernel) -> np.ndarray:
    """Length and noise of highest likelihood on a grid."""
    scale, centre = y.std() + 1e-9, y.mean()
    z = (y - centre) / scale
    best, found = -np.inf, np.zeros(len(at))
    for length in (3, 6, 12, 25, 50, 100):
        for noise in (0.01, 0.1, 0.5):
            covariance = kernel((x[:, None] - x) / length) + noise**2 * np.eye(len(x))
            factor = np.linalg.cholesky(covariance)
            white = np.linalg.solve(factor, z)
            likelihood = -(white @ white) / 2 - np.log(np.diag(factor)).sum()
            if likelihood > best:
                cross = kernel((at[:, None] - x) / length)
                best, found = likelihood, cross @ np.linalg.solve(factor.T, white)
    return np.asarray(centre + scale * found)


def templates(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The template with the lowest BIC in a library of shapes."""
    return _Library(x, at).best(np.arange(len(x)), y)[1]


def averaged_templates(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """All templates of the library, weighted by the evidence that the BIC approximates."""
    return _Library(x, at).average(np.arange(len(x)), y)


def templates_and_constant_interval(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Like `templates`, but first removes a run of neighbouring, nearly constant observations if that lowers the BIC."""
    library = _Library(x, at)
    best, found = library.best(np.arange(len(x)), y)
    order = np.argsort(x, kind="stable")
    for start in range(len(x)):
        for end in range(start + 4, len(x) + 1):
            run = order[start:end]
            rest = np.setdiff1d(order, run)
            if y[run].std() > 0.25 or len(rest) < 4:
                continue
            value, predicted = library.best(rest, y[rest])
            # three more parameters: two ends and a level; the run itself is explained up to its own noise
            value += float(_bic(np.var(y[run]), 3, len(run)))
            if value < best - 2:
                low, high = _ends(x[order], start, end)
                best, found = value, np.where((at >= low) & (at <= high), y[run].mean(), predicted)
    return found


def _ends(x: np.ndarray, start: int, end: int) -> tuple[float, float]:
    """The midpoints to the neighbours outside the run."""
    low = -np.inf if start == 0 else (x[start - 1] + x[start]) / 2
    high = np.inf if end == len(x) else (x[end - 1] + x[end]) / 2
    return float(low), float(high)


class _Fits(NamedTuple):
    """Models with equal numbers of columns, fitted to observations."""

    bic: np.ndarray
    """Shape (models,)."""
    elsewhere: np.ndarray
    """Their columns at the further inputs, shape (models, inputs, columns)."""
    coefficients: np.ndarray
    """Shape (models, columns, 1)."""


class _Library:
    """Linear models of many shapes; those with equal numbers of columns are fitted together."""

    def __init__(self, x: np.ndarray, at: np.ndarray) -> None:
        self._of_x, self._of_at = _designs(x), _designs(at)

    def best(self, rows: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        """The lowest BIC over models fitted to some of the observations, and that model's predictions at the new inputs."""
        best, found = np.inf, np.full(len(self._of_at[0][0][0]), y.mean())
        for fits in self._fits(rows, y):
            place = int(np.argmin(fits.bic))
            if fits.bic[place] < best:
                best, found = float(fits.bic[place]), (fits.elsewhere[place] @ fits.coefficients[place])[:, 0]
        return best, found

    def average(self, rows: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The mean prediction at the further inputs of models fitted to some of the observations, weighted by exp(-BIC / 2)."""
        fits = [*self._fits(rows, y)]
        bic = np.concatenate([each.bic for each in fits])
        predicted = np.concatenate([(each.elsewhere @ each.coefficients)[:, :, 0] for each in fits])
        weights = np.exp((bic.min() - bic) / 2)
        return np.asarray(weights @ predicted / weights.sum())

    def _fits(self, rows: np.ndarray, y: np.ndarray) -> Iterator[_Fits]:
        for (designs, chosen), (elsewhere, _) in zip(self._of_x, self._of_at, strict=True):
            columns = designs[:, rows]
            k = columns.shape[2]
            if k + chosen.min() + 2 > len(rows):
                continue
            # normal equations are quick, and good enough for a handful of scaled columns
            gram = np.swapaxes(columns, 1, 2) @ columns + 1e-9 * np.eye(k)
            coefficients = np.linalg.solve(gram, (np.swapaxes(columns, 1, 2) @ y)[:, :, None])
            errors = np.mean((y - (columns @ coefficients)[:, :, 0]) ** 2, axis=1)
            yield _Fits(_bic(errors, k + chosen, len(rows)), elsewhere, coefficients)


def _bic(mean_square: np.ndarray, numbers: np.ndarray | int, n: int) -> np.ndarray:
    return np.asarray(n * np.log(mean_square + 1e-3) + numbers * np.log(n))


def _designs(x: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Models of 1 to 5 columns, shape (models, n, columns), and each model's number of parameters besides the coefficients."""
    one = np.ones(len(x))
    fixed = [np.abs(x), np.sqrt(np.maximum(x, 0)), np.log(np.maximum(x, 1)), (x >= 0).astype(float)]
    pairs = [np.column_stack([one, shape]) for shape in fixed] + [np.column_stack([np.maximum(x, 0), np.minimum(x, 0)])]
    waves = [np.column_stack([np.sin(2 * np.pi * x / p), np.cos(2 * np.pi * x / p)]) for p in np.geomspace(8, 60, 30)]
    singles, numbers = zip(*_single_shapes(x), strict=True)
    polynomials = [(np.vander(x / 50, degree + 1)[None], np.array([0])) for degree in range(5)]
    return [
        (np.stack(singles)[:, :, None], np.array(numbers)),
        (np.stack(pairs + waves), np.array([0] * len(pairs) + [1] * len(waves))),
        *polynomials,
    ]


def _single_shapes(x: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    for period in np.geomspace(8, 60, 30):
        yield from ((np.tanh(2 * np.pi / period * (x - shift)), 2) for shift in (-8, -4, 0, 4, 8))
    yield from (((np.abs(x) <= width / 2).astype(float), 1) for width in (10, 20, 30, 40, 50, 60, 70, 80))
    for width in (5, 10, 15, 20, 25, 30):
        yield from ((np.exp(-(((x - centre) / width) ** 2) / 2), 2) for centre in range(-30, 31, 6))
    for period in np.linspace(20, 80, 25):
        yield from ((np.where(((x - shift) / period) % 1 < 0.5, 1.0, -1.0), 2) for shift in (-4, 0, 4))
