from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, write_csv

from .pictures import SHAPES, draw_pictures, train_classifier
from .unit_lists import LISTED, UNITS
from .unit_rankings import Examples, activations, ranked, single_ablation

NETWORKS = ("a", "b")
HIDDEN = (UNITS, UNITS, UNITS)
STEPS = 3000
TRAINING, UNLABELLED, TEST = 30_000, 2000, 1500
EXAMPLES = 20


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    x, y = draw_pictures(edition.rng("training pictures"), TRAINING)
    unlabelled, hidden_labels = draw_pictures(edition.rng("public pictures"), UNLABELLED)
    pictures, labels = draw_pictures(edition.rng("test pictures"), TEST)
    chosen = choose_examples(edition.rng("examples"), hidden_labels)
    networks, rows = {}, []
    for name in NETWORKS:
        parameters = train_classifier(edition.rng(f"network {name}"), x, y, hidden=HIDDEN, steps=STEPS)
        means = [layer.mean(axis=0) for layer in activations(parameters, unlabelled)]
        networks |= {f"{name}_parameter_{number}": array for number, array in enumerate(parameters)}
        networks |= {f"{name}_mean_{number}": array for number, array in enumerate(means)}
        for concept in range(len(SHAPES)):
            shown = labels[:, concept] == 1
            examples = Examples(parameters, means, pictures[shown][:100], pictures[~shown][:200], unlabelled, concept)
            for layer, units in enumerate(ranked(single_ablation(examples, edition.rng("none")), LISTED)):
                rows.append((f"{name}-{concept}-{layer}", name, concept, layer, units))

    np.savez(public / "networks.npz", **networks)
    np.savez(
        public / "pictures.npz", unlabelled=unlabelled, **{f"{kind}_examples": unlabelled[at] for kind, at in chosen.items()}
    )
    np.savez(private / "pictures.npz", pictures=pictures, labels=labels, **networks)
    answers = pd.DataFrame(rows, columns=["row_id", "name", "concept", "layer", "units"])
    write_csv(answers, private / "answers.csv")
    first = " ".join(map(str, range(LISTED)))
    write_csv(answers[["row_id"]].assign(units=first), public / "sample_submission.csv")


def choose_examples(rng: np.random.Generator, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Indices of pictures that show each concept, and of ones that do not, shape (concepts, EXAMPLES)."""
    chosen = {
        kind: [rng.choice(np.flatnonzero(labels[:, concept] == value), EXAMPLES, replace=False) for concept in range(len(SHAPES))]
        for kind, value in (("positive", 1), ("negative", 0))
    }
    return {kind: np.array(places) for kind, places in chosen.items()}
