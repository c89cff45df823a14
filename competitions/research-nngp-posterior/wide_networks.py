"""The prior over functions of infinitely wide ReLU networks with random constants.

Cho & Saul, "Kernel Methods for Deep Learning" (2009) for the kernel; Osband et al., "Epistemic Neural Networks" (2021) for
regression with it as a test of posteriors, there with fixed constants.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mlebench.research.gaussian_process import rectified

DEPTHS = (1, 2, 3, 4)
VARIANCES = (0.1, 0.6)
BIASES = (0.3, 3.0)


@dataclass(frozen=True)
class WideNetworks:
    """Networks with `depth` hidden layers; see `covariance`."""

    depth: int
    variance: float
    """Factor of the functions' variance."""
    bias: float
    """Variance of the first layer's biases, times the number of inputs."""

    def covariance(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Covariance of the functions' values at two sets of inputs, shapes (n, d) and (m, d), as (n, m).

        Weights have variance 1/fan-in in the first layer, 2/fan-in in the other hidden ones and 2·variance/fan-in in the last.
        """
        a, b, inputs = a.astype(np.float64), b.astype(np.float64), a.shape[1]
        cross = (a @ b.T + self.bias) / inputs
        # twice the covariance after a ReLU has the diagonal from before it
        diagonals = [((x**2).sum(axis=1) + self.bias) / inputs for x in (a, b)]
        for _ in range(self.depth):
            cross = 2 * rectified(cross, *diagonals)
        return self.variance * cross


def draw_wide_networks(rng: np.random.Generator) -> WideNetworks:
    """Constants of an instance: the depth, and logarithmically uniform variances."""
    variance, bias = (math.exp(rng.uniform(*np.log(bounds))) for bounds in (VARIANCES, BIASES))
    return WideNetworks(int(rng.choice(DEPTHS)), variance, bias)
