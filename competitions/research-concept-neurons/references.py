from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from . import unit_rankings as rankings
from .captioner import BLOCKS, Captioned, Captioner
from .unit_rankings import by_rank

_published = partial(rankings.attribution, centred=False, of_logit=True)
_of_logit = partial(rankings.attribution, of_logit=True)

CHOOSERS: dict[str, rankings.Chooser] = {
    "random units": by_rank(rankings.at_random),
    "mean activation": by_rank(rankings.mean_activation),
    "activation above the mean": by_rank(partial(rankings.mean_activation, centred=True)),
    "logit lens of the output weights": by_rank(rankings.logit_lens),
    "activation x logit lens": by_rank(rankings.activation_times_logit_lens),
    "activation above the mean x logit lens": by_rank(partial(rankings.activation_times_logit_lens, centred=True)),
    "activation x gradient of the logit": by_rank(_published),
    "activation x gradient of the logit, positions of patches only": by_rank(partial(_published, patches_only=True)),
    "(activation - mean) x gradient of the logit": by_rank(_of_logit),
    "(activation - mean) x gradient of the logit, weights in proportion": rankings.weighted(_of_logit),
    "(activation - mean) x gradient of the logit, less that for other words": by_rank(rankings.specific(_of_logit)),
    "(activation - mean) x gradient of the probability": by_rank(rankings.attribution),
    "(activation - mean) x gradient of the logit, own captions": rankings.self_captioned(by_rank(_of_logit)),
    "ablation of single units": by_rank(rankings.single_ablation),
    "(activation - mean) x gradient, again after each ablated unit": rankings.repeated_attribution,
}


def references(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    yield from chosen(public, CHOOSERS, rng)


def chosen(public: Path, choosers: dict[str, rankings.Chooser], rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    sample = pd.read_csv(public / "sample_submission.csv")
    examples = read_examples(public, sample)
    for name, chooser in choosers.items():
        blocks, units, weights = (np.concatenate(parts) for parts in zip(*chooser(examples, rng), strict=True))
        yield name, sample.assign(block=blocks, unit=units, weight=weights)


def read_examples(public: Path, sample: pd.DataFrame) -> rankings.Examples:
    words = sample["row_id"].str[1:3].astype(int).unique()
    with np.load(public / "network.npz") as arrays:
        network, means = Captioner.read(arrays), [arrays[f"mean_{block}"].astype(np.float64) for block in range(BLOCKS)]
    with np.load(public / "pictures.npz") as arrays:
        patches, uncaptioned = (arrays[name].astype(np.float64) for name in ("patches", "uncaptioned"))
        return rankings.Examples(Captioned(network, patches, arrays["captions"], means), words, uncaptioned)
