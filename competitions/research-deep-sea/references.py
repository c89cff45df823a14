from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from . import sea_methods as methods

METHODS = {
    "random actions": methods.constant(0.0, explore=1.0),
    "all values 0": methods.constant(0.0),
    "all values 0, one action in ten at random": methods.constant(0.0, explore=0.1),
    "all values 0, three actions in ten at random": methods.constant(0.0, explore=0.3),
    "all values 1": methods.constant(1.0),
    "all values 1, one action in ten at random": methods.constant(1.0, explore=0.1),
    "normal values, deviation 0.01": methods.random_values(0.01),
    "normal values, deviation 1": methods.random_values(1.0),
    "1 within reach of the treasure's columns": methods.towards(1.0),
    "1 within reach of the last column": methods.towards(1.0, of_last=True),
    "most probable sea": methods.most_probable_sea,
    "treasure everywhere, most probable moves": methods.every_treasure(by_chance=False),
    "treasure everywhere, moves by chance": methods.every_treasure(),
    "treasure everywhere, moves a coin unless logged": methods.every_treasure(methods.coins),
    "ten sampled seas": methods.sampled_seas(),
    "ten sampled seas, moves drawn for each state alone": methods.sampled_seas(joint=False),
    "ten sampled seas, moves a coin unless logged": methods.sampled_seas(logged_only=True),
    "ten sampled seas, shuffled over tables in each state": methods.sampled_seas(shuffled=True),
    "ten means of five sampled seas": methods.means_of_few(5),
    "ten means of twenty sampled seas": methods.means_of_few(20),
    "mean of 200 sampled seas": methods.mean_of_seas(),
    "mean of 200 sampled seas, moves a coin unless logged": methods.mean_of_seas(logged_only=True),
    "mean of 200 sampled seas and one deviation": methods.mean_of_seas(bonus=1.0),
}


def references(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    seas = list(methods.read_seas(public))
    for name, method in METHODS.items():
        yield name, methods.submitted(seas, method, rng)
