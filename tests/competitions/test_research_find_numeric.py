"""When a function of one number counts as found."""

from __future__ import annotations

import numpy as np
import pytest

from .folders import module

is_found = module("research-find-numeric", "grade").is_found


@pytest.mark.parametrize(
    ("truth", "prediction", "found"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], True),
        ([101.0, 102.0, 103.0], [102.0, 102.0, 102.0], False),
        ([0.0, 10.0], [0.0, 12.0], True),
        ([0.0, 10.0], [0.0, 13.0], False),
        ([50.0, 50.0], [54.0, 46.0], True),
        ([50.0, 50.0], [56.0, 50.0], False),
        ([0.0, 0.0], [0.09, 0.0], True),
    ],
)
def test_when_a_function_is_found(truth: list[float], prediction: list[float], found: bool) -> None:
    assert is_found(np.array(truth), np.array(prediction)) is found
