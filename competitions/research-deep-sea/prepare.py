from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, write_csv
from mlebench.research.networks import draw_network

from .value_tables import ACTIONS, row_ids, states, value_table

DEPTHS = (8, 14, 20)
LOGGED = (3, 12)
SEAS_PER_CELL = 6
FEATURES = 3


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    facts, shown, logs, answers = [], [], [], []
    for number, (depth, episodes, _) in enumerate(product(DEPTHS, LOGGED, range(SEAS_PER_CELL))):
        name = f"p{number:02d}"
        facts.append({"problem": name, "depth": depth, "logged": episodes})
        places = pd.DataFrame(states(depth), columns=["row", "column"]).assign(row_id=row_ids(name, depth), problem=name)
        features, right = draw_states(edition, name, len(places))
        treasure = int(edition.rng(f"{name} treasure").integers(first_treasure(depth), depth + 1))
        log = draw_log(edition.rng(f"{name} log"), places.assign(right=right), episodes, treasure).assign(problem=name)
        shown.append(places.assign(**{f"x{axis}": features[:, axis] for axis in range(FEATURES)}))
        logs.append(log)
        answers.append(places.assign(
            depth=depth, right=right, **logged_actions(log, places), treasure=treasure,
            stream=f"{edition.seed(f'{name} evaluation'):032x}",
        ))  # fmt: skip

    write_csv(pd.DataFrame(facts), public / "problems.csv")
    inputs = [f"x{axis}" for axis in range(FEATURES)]
    write_csv(pd.concat(shown)[["row_id", "problem", "row", "column", *inputs]], public / "states.csv")
    write_csv(pd.concat(logs)[["problem", "episode", "row", "column", "action", "next_column"]], public / "log.csv")
    table = pd.concat(answers)
    kept = ["row_id", "depth", "right", "logged_0", "logged_1", "treasure", "stream"]
    write_csv(table[kept], private / "answers.csv")
    write_csv(value_table(table["row_id"], np.zeros((len(table), 1, ACTIONS))), public / "sample_submission.csv")


def first_treasure(depth: int) -> int:
    """The first column that may hold the treasure, two thirds of the way to the right."""
    return -(-2 * depth // 3)


def draw_states(edition: Edition, name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Features of each state, float32, and the action that moves right: 1 in the half where a random function is largest."""
    features = edition.rng(f"{name} features").standard_normal((count, FEATURES)).astype(np.float32)
    outputs = draw_network(edition.rng(f"{name} function"), FEATURES).outputs(features)
    logits = outputs[:, 1] - outputs[:, 0]
    return features, (logits > np.median(logits)).astype(int)


def draw_log(rng: np.random.Generator, places: pd.DataFrame, episodes: int, treasure: int) -> pd.DataFrame:
    """Episodes of random actions, none of which finds the treasure."""
    right = places.set_index(["row", "column"])["right"].to_dict()
    depth = int(places["row"].max()) + 1
    kept: list[tuple[int, int, int, int, int]] = []
    episode = 0
    while episode < episodes:
        moves, column = [], 0
        for row, action in enumerate(rng.integers(ACTIONS, size=depth).tolist()):
            following = column + 1 if action == right[row, column] else max(column - 1, 0)
            moves.append((episode, row, column, action, following))
            column = following
        if column != treasure:
            kept += moves
            episode += 1
    return pd.DataFrame(kept, columns=["episode", "row", "column", "action", "next_column"])


def logged_actions(log: pd.DataFrame, places: pd.DataFrame) -> dict[str, np.ndarray]:
    """Whether the log contains each action of each state, as 0 or 1."""
    seen = set(zip(log["row"], log["column"], log["action"], strict=True))
    where = list(zip(places["row"], places["column"], strict=True))
    return {f"logged_{action}": np.array([int((*place, action) in seen) for place in where]) for action in range(ACTIONS)}
