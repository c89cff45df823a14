import numpy as np
import pandas as pd

from grading import Grader

from .sea import best_return, random_return, solve
from .table_play import EPISODES, Sea, regret_of_play, returns_of_play
from .value_tables import ACTIONS, TABLES, VALUE_COLUMNS, value_columns, value_table


def relative_regret(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Regret of all episodes, summed over seas, divided by the expected regret of random actions.

    Args:
        answers: `row_id`, `depth`, `right` (the action that moves right), `logged_0`, `logged_1` (whether each is in the log),
            `treasure` (a column) and `stream`, a seed in hexadecimal digits.
        submission: `row_id` and value tables, in the order of the answers.

    Returns:
        0 for tables that hold the true values.
    """
    values, explore = submission[VALUE_COLUMNS].to_numpy(), submission["explore"].to_numpy()
    regret = at_random = 0.0
    located = located_states(answers)
    for depth, of_depth in located.groupby("depth").indices.items():
        problems = located.iloc[of_depth].groupby("problem").indices
        rows = [of_depth[places] for places in problems.values()]
        seas = [_sea(located.iloc[each], values[each], explore[each], int(depth)) for each in rows]
        rngs = [np.random.default_rng(int(answers["stream"].iloc[each[0]], 16)) for each in rows]
        for sea, returns in zip(seas, returns_of_play(seas, rngs), strict=True):
            regret += regret_of_play(returns, sea)
            at_random += EPISODES * (best_return(sea.treasure, depth) - random_return(sea.treasure, depth))
    return regret / at_random


def located_states(answers: pd.DataFrame) -> pd.DataFrame:
    """The answers with `problem`, `row` and `column`, taken from the ids."""
    parts = answers["row_id"].str.split("-", expand=True)
    return answers.assign(problem=parts[0], row=parts[1].astype(int), column=parts[2].astype(int))


def _sea(states: pd.DataFrame, values: np.ndarray, explore: np.ndarray, depth: int) -> Sea:
    at = states["row"].to_numpy(), states["column"].to_numpy()

    def grid(of_states: np.ndarray) -> np.ndarray:
        filled = np.zeros((depth, depth, *of_states.shape[1:]), dtype=of_states.dtype)
        filled[at] = of_states
        return filled

    return Sea(
        right=grid(states["right"].to_numpy()),
        treasure=int(states["treasure"].iloc[0]),
        logged=grid(states[["logged_0", "logged_1"]].to_numpy() == 1),
        values=grid(values.reshape(-1, TABLES, ACTIONS)),
        explore=grid(explore),
    )


def true_values(answers: pd.DataFrame) -> pd.DataFrame:
    """The best submission: every table contains the true values."""
    values = np.empty((len(answers), 1, ACTIONS))
    located = located_states(answers)
    for rows in located.groupby("problem").indices.values():
        states = located.iloc[rows]
        depth, at = int(states["depth"].iloc[0]), (states["row"].to_numpy(), states["column"].to_numpy())
        right = np.zeros((depth, depth))
        right[at] = states["right"]
        values[rows, 0] = solve(right, np.arange(depth + 1) == states["treasure"].iloc[0], depth)[at]
    return value_table(answers["row_id"], values)


grader = Grader(id="row_id", columns=value_columns(), table_metric=relative_regret, perfect=true_values)
