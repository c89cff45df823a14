"""Methods that turn a sea's features and log into value tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.research.gaussian_process import LatentPosterior, classify, network_kernel

from .sea import solve
from .value_tables import ACTIONS, TABLES, row_ids, value_table

Rng = np.random.Generator
KERNEL = network_kernel(0.1)


@dataclass(frozen=True)
class LoggedSea:
    """The public part of one sea."""

    name: str
    depth: int
    row: np.ndarray
    column: np.ndarray
    features: np.ndarray
    known: np.ndarray
    """The action that moves right if the log shows it, else -1, shape (states,)."""
    empty: np.ndarray
    """Final columns that the log has reached, which therefore hold no treasure."""

    @property
    def columns(self) -> np.ndarray:
        """Columns that may hold the treasure."""
        return np.setdiff1d(np.arange(-(-2 * self.depth // 3), self.depth + 1), self.empty)

    def grid(self, of_states: np.ndarray) -> np.ndarray:
        """Values per state, shape (…, states), as (…, depth, depth)."""
        filled = np.zeros((*of_states.shape[:-1], self.depth, self.depth))
        filled[..., self.row, self.column] = of_states
        return filled

    def values(self, right: np.ndarray, treasure: np.ndarray) -> np.ndarray:
        """Values of both actions under optimal play in hypothetical seas, shape (states, seas, ACTIONS).

        Args:
            right: probability that action 1 moves right, shape (seas, states).
            treasure: reward of each column, shape (seas, depth + 1).
        """
        solved = solve(self.grid(right), treasure, self.depth)
        return np.asarray(solved[:, self.row, self.column].transpose(1, 0, 2))


Method = Callable[[LoggedSea, Rng], tuple[np.ndarray, float]]
"""Values, shape (states, tables or 1, ACTIONS), and the probability of exploring."""

Moves = Callable[[LoggedSea, Rng], np.ndarray]
"""Chance that action 1 moves right in each state; 0 or 1 where the log shows it."""


def read_seas(public: Path) -> Iterator[LoggedSea]:
    """Read the public seas."""
    places = dict(list(pd.read_csv(public / "states.csv").groupby("problem")))
    logs = dict(list(pd.read_csv(public / "log.csv").groupby("problem")))
    for facts in pd.read_csv(public / "problems.csv").itertuples():
        name, depth = str(facts.problem), int(facts.depth)  # type: ignore[arg-type]
        states, log = places[name], logs[name]
        moved_right = log["next_column"] == log["column"] + 1
        shown = dict(zip(zip(log["row"], log["column"], strict=True), np.where(moved_right, log["action"], 1 - log["action"]),
                         strict=True))  # fmt: skip
        known = [shown.get(place, -1) for place in zip(states["row"], states["column"], strict=True)]
        yield LoggedSea(
            name, depth, states["row"].to_numpy(), states["column"].to_numpy(),
            states[["x0", "x1", "x2"]].to_numpy(np.float64), np.array(known),
            log.loc[log["row"] == depth - 1, "next_column"].unique(),
        )  # fmt: skip


def submitted(seas: list[LoggedSea], method: Method, rng: Rng) -> pd.DataFrame:
    """A method's tables for every sea."""
    parts = []
    for sea in seas:
        values, explore = method(sea, rng)
        parts.append(value_table(row_ids(sea.name, sea.depth), values, explore))
    return pd.concat(parts, ignore_index=True)


def constant(value: float, explore: float = 0.0) -> Method:
    """Every action of every state is worth the same."""
    return lambda sea, _: (np.full((len(sea.row), 1, ACTIONS), value), explore)


def random_values(spread: float) -> Method:
    """Normal values, independent of each other: the tables disagree about whatever has not been tried."""
    return lambda sea, rng: (spread * rng.standard_normal((len(sea.row), TABLES, ACTIONS)), 0.0)


def towards(value: float, *, of_last: bool = False) -> Method:
    """Optimism where it may be justified: both actions are worth `value` if some column of the treasure can still be reached."""

    def of_sea(sea: LoggedSea, rng: Rng) -> tuple[np.ndarray, float]:
        least = sea.depth if of_last else sea.columns.min()
        hopeful = sea.column + sea.depth - sea.row >= least
        return np.repeat(np.where(hopeful, value, 0.0)[:, None], ACTIONS, axis=1)[:, None], 0.0

    return of_sea


def posterior(sea: LoggedSea) -> LatentPosterior:
    """Which action moves right, as a Gaussian process with the network's kernel finds it in the log."""
    shown = sea.known >= 0
    return classify(KERNEL, sea.features[shown], sea.known[shown], sea.features)


def chances(sea: LoggedSea, rng: Rng) -> np.ndarray:
    """Chance that action 1 moves right in each state; 0 or 1 where the log shows it."""
    return np.where(sea.known >= 0, sea.known, posterior(sea).average()[:, 0])


def coins(sea: LoggedSea, rng: Rng) -> np.ndarray:
    """One half wherever the log shows nothing."""
    return np.where(sea.known >= 0, sea.known, 0.5)


def drawn_treasures(sea: LoggedSea, count: int, rng: Rng) -> np.ndarray:
    """Rewards of the columns in `count` hypothetical seas."""
    return np.asarray(np.arange(sea.depth + 1) == rng.choice(sea.columns, count)[:, None], dtype=np.float64)


def supposed_seas(sea: LoggedSea, count: int, rng: Rng, *, joint: bool = True, logged_only: bool = False) -> np.ndarray:
    """Values in seas drawn from the posterior, shape (states, count, ACTIONS).

    Args:
        joint: whether the actions that move right are drawn jointly over states, not independently for each state.
        logged_only: whether states that the log does not show are treated as fair coins.
    """
    if joint and not logged_only:
        right = (posterior(sea).sample(count, rng).T > 0.5).astype(float)
    else:
        chance = coins(sea, rng) if logged_only else chances(sea, rng)
        right = (rng.random((count, len(sea.row))) < chance).astype(float)
    right = np.where(sea.known >= 0, sea.known, right)
    return sea.values(right, drawn_treasures(sea, count, rng))


def sampled_seas(*, joint: bool = True, logged_only: bool = False, shuffled: bool = False) -> Method:
    """Each table contains the values of one hypothetical sea; if `shuffled`, each state takes them from a different sea."""

    def of_sea(sea: LoggedSea, rng: Rng) -> tuple[np.ndarray, float]:
        values = supposed_seas(sea, TABLES, rng, joint=joint, logged_only=logged_only)
        return (rng.permuted(values, axis=1) if shuffled else values), 0.0

    return of_sea


def mean_of_seas(*, logged_only: bool = False, count: int = 200, bonus: float = 0.0) -> Method:
    """The mean value over hypothetical seas plus `bonus` standard deviations, the same in all tables."""

    def of_sea(sea: LoggedSea, rng: Rng) -> tuple[np.ndarray, float]:
        values = supposed_seas(sea, count, rng, logged_only=logged_only)
        return (values.mean(axis=1) + bonus * values.std(axis=1))[:, None], 0.0

    return of_sea


def means_of_few(each: int) -> Method:
    """Each table is the mean over a few hypothetical seas of its own."""

    def of_sea(sea: LoggedSea, rng: Rng) -> tuple[np.ndarray, float]:
        values = supposed_seas(sea, TABLES * each, rng)
        return values.reshape(len(values), TABLES, each, ACTIONS).mean(axis=2), 0.0

    return of_sea


def most_probable_sea(sea: LoggedSea, rng: Rng) -> tuple[np.ndarray, float]:
    """The values of one sea: the more probable action everywhere, the treasure in the middle of its possible columns."""
    guessed = sea.columns[len(sea.columns) // 2]
    return sea.values(
        (chances(sea, rng) > 0.5).astype(float)[None], (np.arange(sea.depth + 1) == guessed)[None].astype(float)
    ), 0.0


def every_treasure(moves: Moves = chances, *, by_chance: bool = True) -> Method:
    """Values in a sea with a treasure in every possible column.

    Args:
        moves: the probability that action 1 moves right.
        by_chance: whether actions move right with their probability; otherwise the more probable one always does.
    """

    def of_sea(sea: LoggedSea, rng: Rng) -> tuple[np.ndarray, float]:
        right = moves(sea, rng)
        if not by_chance:
            right = (right > 0.5).astype(float)
        return sea.values(right[None], np.isin(np.arange(sea.depth + 1), sea.columns)[None].astype(float)), 0.0

    return of_sea
