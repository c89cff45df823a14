"""What an agent may learn from: the training units and their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TrainLabels:
    """Answers of training units, found in tables by the names of targets, or in the names of folders."""

    of: Mapping[str, Mapping[str, object]]
    """By target name, by unit (an id of a training row, or the path of a training file): the value, as `Target.values` has it."""

    def value(self, target: str, path_or_id: str) -> object | None:
        """The answer of the unit that an id, a path or a path's stem names; None where it is not known."""
        raise NotImplementedError

    def is_train(self, path: str) -> bool:
        """Whether a file is on the training side: it has a known answer, or lies in a folder or table of training data."""
        raise NotImplementedError

    def values(self, target: str, units: np.ndarray) -> np.ndarray:
        """`value` of many, shape (units,), object; None where it is not known."""
        raise NotImplementedError
