from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, write_csv

from .ablation_effects import WordEffects, net_effect, substitutes
from .captioner import PATCHES, Captioned, Captioner, mean_activations
from .pictures import draw_companions, draw_figures, draw_patches, draw_scenes
from .planted_network import CONCEPTS, WORDS, draw_network
from .training import train_units
from .unit_rankings import LISTED, Examples, repeated_attribution

TRAINING, CAPTIONED, UNCAPTIONED, TEST = 6000, 60, 500, 240
STEPS = 120
SUBSTITUTES = 3


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    figures = draw_figures(edition.rng("figures"), CONCEPTS)
    companions = draw_companions(edition.rng("companions"), CONCEPTS)
    order = edition.rng("vocabulary").permutation(WORDS)
    words, start_token = order[:CONCEPTS], int(order[-1])

    def draw_pictures(name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
        shown = draw_scenes(edition.rng(f"{name} scenes"), companions, count, PATCHES)
        return draw_patches(edition.rng(f"{name} pictures"), figures, shown), words[shown]

    drawn = draw_network(edition.rng("network"), figures, words, companions, start_token)
    arrays = train_units(edition.rng("training"), drawn, *draw_pictures("training", TRAINING), steps=STEPS)
    network = Captioner.read(arrays)
    captioned, uncaptioned = draw_pictures("captioned", CAPTIONED), draw_pictures("uncaptioned", UNCAPTIONED)
    means = [layer.astype(np.float32) for layer in mean_activations(Captioned(network, *uncaptioned))]
    arrays |= {f"mean_{block}": layer for block, layer in enumerate(means)}
    np.savez(public / "network.npz", **arrays)
    np.savez(public / "pictures.npz", patches=captioned[0], captions=captioned[1], uncaptioned=uncaptioned[0])

    test = Captioned(network, *draw_pictures("test", TEST), means)
    concepts = np.sort(words)
    others = substitutes(edition.rng("substitutes"), test, SUBSTITUTES)
    choices = repeated_attribution(Examples(test, concepts, uncaptioned[0]), edition.rng("none"))
    effects = WordEffects(test, concepts)
    reached = [net_effect(effects, place, choice, others) for place, choice in enumerate(choices)]
    np.savez(
        private / "pictures.npz", patches=test.patches, captions=test.captions, substitutes=others, concepts=concepts,
        reached=np.array(reached), **arrays,
    )  # fmt: skip
    rows = [
        (f"w{word:02d}_{place}", block, unit, weight)
        for word, choice in zip(concepts, choices, strict=True)
        for place, (block, unit, weight) in enumerate(zip(*choice, strict=True))
    ]
    answers = pd.DataFrame(rows, columns=["row_id", "block", "unit", "weight"])
    write_csv(answers, private / "answers.csv")
    sample = answers[["row_id"]].assign(block=0, unit=[*range(LISTED)] * CONCEPTS, weight=1.0)
    write_csv(sample, public / "sample_submission.csv")
