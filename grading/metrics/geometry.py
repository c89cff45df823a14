"""Distances between places on the earth and between directions in space."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

EARTH_RADIUS = 6_371_000.0
"""Mean radius in metres."""


def haversine(latitude_a: FloatArray, longitude_a: FloatArray, latitude_b: FloatArray, longitude_b: FloatArray) -> FloatArray:
    """Great-circle distances in metres on a sphere of the earth's mean radius.

    Source: Sinnott, "Virtues of the Haversine", Sky and Telescope 68, 1984; scikit-learn's `haversine_distances`.

    Args:
        latitude_a: decimal degrees, shape (n,), as are the other three. Any finite angle is accepted.

    Returns:
        Shape (n,), 0 to half the circumference.
    """
    phi_a, lambda_a, phi_b, lambda_b = map(np.deg2rad, (latitude_a, longitude_a, latitude_b, longitude_b))
    half_chord = np.sin((phi_b - phi_a) / 2) ** 2 + np.cos(phi_a) * np.cos(phi_b) * np.sin((lambda_b - lambda_a) / 2) ** 2
    # rounding may slightly exceed 1 for antipodal points
    return np.asarray(2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.clip(half_chord, 0, 1))))


def mean_angular_error(truth: FloatArray, prediction: FloatArray) -> float:
    """Mean angle in radians between two sets of directions, given by azimuth and zenith in radians.

    Definition: https://www.kaggle.com/competitions/icecube-neutrinos-in-deep-ice/overview/evaluation

    Args:
        truth: shape (n, 2), azimuth and zenith; any finite angle is accepted as the direction it describes.
        prediction: the same shape.

    Returns:
        0 to π; lower is better. The cosine is rounded, so equal directions may be about 1e-8 apart.
    """
    (azimuth_a, zenith_a), (azimuth_b, zenith_b) = np.asarray(truth).T, np.asarray(prediction).T
    across = np.cos(azimuth_a) * np.cos(azimuth_b) + np.sin(azimuth_a) * np.sin(azimuth_b)
    cosine = np.sin(zenith_a) * np.sin(zenith_b) * across + np.cos(zenith_a) * np.cos(zenith_b)
    return float(np.mean(np.arccos(np.clip(cosine, -1, 1))))
