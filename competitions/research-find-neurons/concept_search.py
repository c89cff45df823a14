"""Candidate concepts from the vectors of all words, and a search for those that explain a neuron."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .describers import Observations, Rng, fitted
from .descriptions import GAIN, INPUTS, PARTS, SILENT

_SHARES = (0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
"""Shares of the words that candidates cover."""


class Candidates(NamedTuple):
    """Candidate parts of a description."""

    parts: np.ndarray
    """Weights and offset, shape (candidates, inputs + 1)."""

    def responses(self, x: np.ndarray) -> np.ndarray:
        """0 to 1, shape (candidates, words)."""
        from scipy.special import expit

        return np.asarray(expit(self.parts[:, :-1] @ x.T + self.parts[:, -1:]))


def dictionary(table: np.ndarray, rng: Rng, *, count: int = 40) -> np.ndarray:
    """Directions of unit length, few of which add up to each vector, shape (count, inputs); sparse coding with positive codes."""
    from sklearn.decomposition import MiniBatchDictionaryLearning

    model = MiniBatchDictionaryLearning(
        count, alpha=0.2, max_iter=30, positive_code=True, fit_algorithm="cd", transform_algorithm="lasso_cd",
        random_state=int(rng.integers(2**31)),
    )  # fmt: skip
    return _unit(model.fit(table).components_)


def cluster_centres(table: np.ndarray, rng: Rng, *, count: int = 40) -> np.ndarray:
    """Directions of k-means centres, shape (count, inputs)."""
    from sklearn.cluster import KMeans

    return _unit(KMeans(count, n_init=2, random_state=int(rng.integers(2**31))).fit(table).cluster_centers_)


def _unit(directions: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    return np.asarray(directions / np.maximum(lengths, 1e-12), dtype=np.float64)


def candidates(directions: np.ndarray, table: np.ndarray) -> Candidates:
    """Each direction with an edge at each of several shares of the words."""
    edges = np.quantile(table @ directions.T, 1 - np.array(_SHARES), axis=0)
    weights = np.repeat(GAIN * directions, len(_SHARES), axis=0)
    return Candidates(np.column_stack([weights, -GAIN * edges.T.ravel()]))


def search(
    seen: Observations, known: Candidates, *, pairs: bool = False, exceptions: bool = False, price: float = 0.004
) -> np.ndarray:
    """The description with the least squared error on the examples, among all with one or two candidates.

    Args:
        pairs: also try all "a or b".
        exceptions: also try all "a unless b".
        price: the reduction in mean squared error that two candidates need to be preferred to one.
    """
    found = np.zeros((len(seen.x), len(PARTS), INPUTS + 1))
    found[:, :, -1] = SILENT
    for number, (x, y) in enumerate(zip(seen.x, seen.y, strict=True)):
        r = known.responses(x)
        errors = ((r - y) ** 2).mean(axis=1)
        first, best = int(errors.argmin()), float(errors.min())
        chosen: dict[int, int] = {0: first}
        for part, tried in ((1, pairs), (2, exceptions)):
            if tried:
                error, a, other = _best_pair(r, y, part)
                if error + price < best:
                    best, chosen = error + price, {0: a, part: other}
        for part, candidate in chosen.items():
            found[number, part] = known.parts[candidate]
    return found


def _best_pair(r: np.ndarray, y: np.ndarray, part: int) -> tuple[float, int, int]:
    """The least mean squared error of two candidates, and which they are: "a or b" for part 1, "a unless b" for part 2."""
    errors = _errors_of_or(r, y) if part == 1 else _errors_of_unless(r, y)
    a, other = np.unravel_index(errors.argmin(), errors.shape)
    return float(errors[a, other]), int(a), int(other)


def _errors_of_or(r: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.stack([((np.maximum(response, r) - y) ** 2).mean(axis=1) for response in r])


def _errors_of_unless(r: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mean of (a · (1 − b) − y)², multiplied out, for all a and b at once."""
    silent = 1 - r
    return np.asarray((r**2 @ (silent**2).T - 2 * (r * y) @ silent.T + y @ y) / len(y))


def refined(found: np.ndarray, seen: Observations, *, penalty: float = 0.002, steps: int = 100) -> np.ndarray:
    """The same descriptions, moved towards the observations a little."""
    return fitted(found, seen, parts=(0, 1, 2), penalty=penalty, steps=steps, towards=found)
