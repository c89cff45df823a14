"""The units listed for one concept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LISTED = 10
"""Units in the list of a concept."""


class Choice(NamedTuple):
    """The units of one concept, the most important first, and how strongly each is ablated, from 0 to 1."""

    blocks: np.ndarray
    units: np.ndarray
    weights: np.ndarray
