"""Plays seas by value tables, remembering what was observed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .sea import COST, best_return
from .value_tables import ACTIONS, TABLES

EPISODES = 80
REPLAYS = 10


class Sea(NamedTuple):
    """One sea and the tables submitted for it; unreachable states have arbitrary values."""

    right: np.ndarray
    """The action that moves right, shape (depth, depth)."""
    treasure: int
    """Column."""
    logged: np.ndarray
    """Whether the log contains each action, shape (depth, depth, ACTIONS)."""
    values: np.ndarray
    """Shape (depth, depth, tables, ACTIONS)."""
    explore: np.ndarray
    """Shape (depth, depth)."""


def returns_of_play(
    seas: list[Sea], rngs: list[np.random.Generator], *, episodes: int = EPISODES, replays: int = REPLAYS
) -> np.ndarray:
    """Return of every episode, shape (seas, replays, episodes).

    A replay remembers where each action led, and starts with the log's actions. Before an episode it draws one table and solves
    it backwards from the last row: a remembered action is worth its reward plus the best value where it led, any other action
    its value in the table. It plays the best action of each state (ties are broken at random) or, with the state's probability
    of exploring, a random one. The tables stand for the randomised value functions of Osband et al., "Deep Exploration
    via Randomized Value Functions" (2019).

    Args:
        seas: of one depth.
        rngs: draws tables, ties and exploration of one sea each.
    """
    depth = len(seas[0].right)
    sea = np.repeat(np.arange(len(seas)), replays)
    everyone = np.arange(len(sea))
    right, treasure = np.stack([entry.right for entry in seas])[sea], np.array([entry.treasure for entry in seas])[sea]
    tables = np.stack([entry.values for entry in seas])
    explore = np.stack([entry.explore for entry in seas])[sea]
    seen = np.stack([entry.logged for entry in seas])[sea]
    rewards, following = outcomes(right, treasure)
    returns = np.zeros((len(sea), episodes))
    for episode in range(episodes):
        drawn = np.concatenate([rng.integers(TABLES, size=replays) for rng in rngs])
        chances = np.concatenate([rng.random((replays, depth, 2)) for rng in rngs])
        values = solved(tables[sea, :, :, drawn], seen, rewards, following)
        column = np.zeros(len(sea), dtype=np.intp)
        for row in range(depth):
            of_state = values[everyone, row, column]
            tied = of_state[:, 0] == of_state[:, 1]
            at_random = tied | (chances[:, row, 0] < explore[everyone, row, column])
            action = np.where(at_random, chances[:, row, 1] < 0.5, of_state[:, 1] > of_state[:, 0]).astype(np.intp)
            seen[everyone, row, column, action] = True
            returns[:, episode] += rewards[everyone, row, column, action]
            column = following[everyone, row, column, action]
    return returns.reshape(len(seas), replays, episodes)


def outcomes(right: np.ndarray, treasure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reward and next column of every action, shape (n, depth, depth, ACTIONS), for right actions of shape (n, depth, depth)."""
    depth = right.shape[1]
    columns = np.arange(depth)[:, None]
    moves_right = np.arange(ACTIONS) == right[..., None]
    following = np.where(moves_right, columns + 1, np.maximum(columns - 1, 0))
    rewards = np.where(moves_right, -COST / depth, 0.0)
    rewards[:, -1] += following[:, -1] == treasure[:, None, None]
    return rewards, following


def solved(table: np.ndarray, seen: np.ndarray, rewards: np.ndarray, following: np.ndarray) -> np.ndarray:
    """A table's values, with those of observed actions replaced by their outcomes, shape (n, depth, depth, ACTIONS)."""
    values = table.copy()
    n, depth = table.shape[:2]
    each = np.arange(n)[:, None, None]
    best = np.zeros((n, depth + 1))
    for row in reversed(range(depth)):
        led_to = rewards[:, row] + best[each, following[:, row]]
        values[:, row] = np.where(seen[:, row], led_to, table[:, row])
        best = np.concatenate([values[:, row].max(axis=2), np.zeros((n, 1))], axis=1)
    return values


def regret_of_play(returns: np.ndarray, sea: Sea) -> float:
    """Regret of all episodes of one sea, averaged over replays, for returns of shape (replays, episodes)."""
    return float((best_return(sea.treasure, len(sea.right)) - returns).sum()) / len(returns)
