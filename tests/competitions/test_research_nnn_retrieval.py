"""Hubs are corrected by what a bank of queries scores."""

from __future__ import annotations

import numpy as np
import pytest

from .folders import module

normalised = module("research-nnn-retrieval", "retrieval").normalised


def test_normalisation_of_a_hub_by_hand() -> None:
    e = np.eye(4)
    gallery = np.stack([e[1], e[0], -e[1], -e[0], e[2]])
    directions = [e[1], e[0], -e[1], -e[0], np.zeros(4)]
    queries = np.stack([0.6 * direction + 0.8 * e[2] for direction in directions[:4]] + [e[2]])
    bank = np.concatenate([queries + shift * e[axis] for axis in (1, 0) for shift in (0.01, -0.01)])
    plain = queries @ gallery.T
    assert plain.argmax(axis=1).tolist() == [4] * 5
    corrected = normalised(plain, bank @ gallery.T, k=2, alpha=0.75)
    assert corrected.argmax(axis=1).tolist() == [0, 1, 2, 3, 4]
    assert corrected.max(axis=1) == pytest.approx([0.14625] * 4 + [0.25])
