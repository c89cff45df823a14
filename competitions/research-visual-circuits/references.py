from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from . import unit_rankings as rankings
from .unit_lists import LISTED

RULES: dict[str, rankings.Rule] = {
    "random units": rankings.at_random,
    "product of absolute weights to the output": rankings.weight_product,
    "mean activation on positives": rankings.mean_activation,
    "activation difference, positives - negatives": rankings.activation_difference,
    "|activation x gradient|": partial(rankings.absolute_attribution, centred=False),
    "|(activation - mean) x gradient|": rankings.absolute_attribution,
    "signed (activation - mean) x gradient, positives - negatives": rankings.signed_attribution,
    "ablation of single units, positives": partial(rankings.single_ablation, contrast=False),
    "ablation of single units, positives - negatives": rankings.single_ablation,
    "activation difference on pseudo-labelled pictures": rankings.pseudo_labelled(rankings.activation_difference),
    "signed (activation - mean) x gradient on pseudo-labelled pictures": rankings.pseudo_labelled(rankings.signed_attribution),
    "ablation of single units on pseudo-labelled pictures": rankings.pseudo_labelled(rankings.single_ablation),
}


def references(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    sample = pd.read_csv(public / "sample_submission.csv", dtype=str)
    with np.load(public / "networks.npz") as of_networks, np.load(public / "pictures.npz") as of_pictures:
        networks, pictures = dict(of_networks), dict(of_pictures)
    cases = list(dict.fromkeys(row.rsplit("-", 1)[0] for row in sample["row_id"]))
    for name, rule in RULES.items():
        lists = [rankings.ranked(rule(examples_of(case, networks, pictures), rng), LISTED) for case in cases]
        yield name, sample.assign(units=[units for of_case in lists for units in of_case])


def examples_of(case: str, networks: dict[str, np.ndarray], pictures: dict[str, np.ndarray]) -> rankings.Examples:
    name, concept = case.split("-")
    parts = {
        kind: [networks[key] for key in sorted(networks) if key.startswith(f"{name}_{kind}")] for kind in ("parameter", "mean")
    }
    positive, negative = (pictures[f"{kind}_examples"][int(concept)] for kind in ("positive", "negative"))
    return rankings.Examples(parts["parameter"], parts["mean"], positive, negative, pictures["unlabelled"], int(concept))
