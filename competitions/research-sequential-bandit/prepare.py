from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlebench.data import Edition, write_csv
from mlebench.research.networks import draw_network

from .beliefs import ARMS, CELLS, CONTEXTS, belief_table
from .rewards import FEATURES, cell_inputs, expected_rewards

NOISES = (1.0, 3.0)
PLAYS = (10, 30)
BANDITS_PER_CELL = 12
RELEVANCES = (1.8, 1.0, 0.3, 0.1)


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    relevances = np.concatenate([edition.rng(f"relevances of {side}").permutation(RELEVANCES) for side in ("contexts", "arms")])
    facts, features, logs, answers = [], {}, [], []
    for number, (noise, plays, _) in enumerate(product(NOISES, PLAYS, range(BANDITS_PER_CELL))):
        name = f"p{number:02d}"
        contexts, arms = draw_features(edition, name)
        truth = expected_rewards(
            draw_network(edition.rng(f"{name} function"), 2 * FEATURES), cell_inputs(contexts, arms), relevances
        )
        facts.append({"problem": name, "noise": noise, "plays": plays})
        features |= {f"contexts_{name}": contexts, f"arms_{name}": arms}
        logs.append(draw_log(edition, facts[-1], truth))
        answers.append(pd.DataFrame({
            "row_id": [f"{name}-{context}-{arm:02d}" for context in range(CONTEXTS) for arm in range(ARMS)],
            "problem": name, "noise": noise, "reward": truth, "stream": f"{edition.seed(f'{name} evaluation'):032x}",
        }))  # fmt: skip

    write_csv(pd.DataFrame(facts), public / "problems.csv")
    np.savez(public / "features.npz", **features)  # type: ignore[arg-type]
    write_csv(pd.concat(logs, ignore_index=True), public / "log.csv")
    # in random order, because adjacent rows of one bandit would reveal what its rewards have in common
    table = pd.concat(answers, ignore_index=True)
    table = table.iloc[edition.rng("order of rows").permutation(len(table))]
    write_csv(table, private / "answers.csv")
    nothing = np.zeros(len(table))
    # zero spread, so that nothing is ever learned
    write_csv(belief_table(table["row_id"], nothing, nothing, nothing[:, None]), public / "sample_submission.csv")


def draw_features(edition: Edition, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Standard normal features of the contexts and of the arms, float32."""
    sizes = {"contexts": CONTEXTS, "arms": ARMS}
    contexts, arms = (
        edition.rng(f"{name} {side}").standard_normal((count, FEATURES)).astype(np.float32) for side, count in sizes.items()
    )
    return contexts, arms


def draw_log(edition: Edition, facts: dict[str, Any], truth: np.ndarray) -> pd.DataFrame:
    """Plays of random arms in random contexts, with replacement, and their rewards."""
    cells = edition.rng(f"{facts['problem']} plays").integers(CELLS, size=facts["plays"])
    errors = edition.rng(f"{facts['problem']} rewards").standard_normal(facts["plays"])
    rewards = (truth[cells] + facts["noise"] * errors).astype(np.float32)
    return pd.DataFrame({"problem": facts["problem"], "context": cells // ARMS, "arm": cells % ARMS, "reward": rewards})
