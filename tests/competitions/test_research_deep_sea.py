"""Exploring seas by submitted value tables: what the grader does, and which tables explore deeply."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlebench.registry import Registry

from .folders import module

NAME = "research-deep-sea"
sea, play, tables, methods = (module(NAME, name) for name in ("sea", "table_play", "value_tables", "sea_methods"))
grader = module(NAME, "grade").grader
TABLES, ACTIONS = tables.TABLES, tables.ACTIONS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The instance of a key of its own."""
    folder = tmp_path_factory.mktemp("seas")
    prepared("a key for tests", folder)
    return folder


@pytest.fixture(scope="module")
def answers(folder: Path) -> pd.DataFrame:
    return answers_in(folder)


@pytest.fixture(scope="module")
def seas(folder: Path) -> list[object]:
    return list(methods.read_seas(folder / "public"))


def answers_in(folder: Path) -> pd.DataFrame:
    return module(NAME, "grade").located_states(grader.read(folder / "private" / "answers.csv"))


def prepared(key: str, folder: Path) -> None:
    for part in ("public", "private"):
        (folder / part).mkdir(parents=True)
    Registry(split_key=key).get_competition(NAME).prepare_fn(folder, folder / "public", folder / "private")


def a_sea(depth: int, values: np.ndarray | float, explore: float = 0.0, treasure: int | None = None) -> object:
    """A sea with the treasure in the last column and nothing logged."""
    right = np.random.default_rng(depth).integers(ACTIONS, size=(depth, depth))
    return play.Sea(
        right=right, treasure=depth if treasure is None else treasure, logged=np.zeros((depth, depth, ACTIONS), dtype=bool),
        values=np.broadcast_to(values, (depth, depth, TABLES, ACTIONS)), explore=np.full((depth, depth), explore),
    )  # fmt: skip


def first_success(entry: object, episodes: int, replays: int = 10) -> float:
    """Mean number of the episode that first finds the treasure; `episodes` where none does."""
    [returns] = play.returns_of_play([entry], [np.random.default_rng(0)], episodes=episodes, replays=replays)
    found = returns > 0.5
    return float(np.where(found.any(axis=1), found.argmax(axis=1) + 1, episodes).mean())


def test_true_values_score_0_and_random_actions_about_1(answers: pd.DataFrame, folder: Path, seas: list[object]) -> None:
    assert grader.score(grader.perfect_submission(answers), answers) == pytest.approx(0, abs=1e-9)
    at_random = methods.submitted(seas, methods.constant(0.0, explore=1.0), np.random.default_rng(0))
    assert grader.score(at_random, answers) == pytest.approx(1, abs=0.02)
    assert grader.score(pd.read_csv(folder / "public" / "sample_submission.csv"), answers) > 0.9


def test_grading_is_deterministic_and_does_not_see_the_order_of_rows(answers: pd.DataFrame, seas: list[object]) -> None:
    table = methods.submitted(seas, methods.random_values(1.0), np.random.default_rng(0))
    assert grader.score(table, answers) == grader.score(table.sample(frac=1, random_state=0), answers)


def test_solving_a_known_sea_gives_the_return_of_the_best_play() -> None:
    for depth, treasure in ((5, 4), (8, 8), (9, 6)):
        entry = a_sea(depth, 0.0, treasure=treasure)
        values = sea.solve(entry.right.astype(float), np.arange(depth + 1) == treasure, depth)
        assert values[0, 0].max() == pytest.approx(sea.best_return(treasure, depth))


def test_random_return_is_what_random_play_earns() -> None:
    entry = a_sea(5, 0.0, explore=1.0, treasure=3)
    returns = play.returns_of_play([entry], [np.random.default_rng(0)], episodes=300, replays=30)
    assert returns.mean() == pytest.approx(sea.random_return(3, 5), abs=0.015)


def test_remembered_actions_are_worth_what_they_lead_to_and_others_what_the_table_says() -> None:
    entry = a_sea(2, np.arange(2.0), treasure=2)
    rewards, following = play.outcomes(entry.right[None], np.array([2]))
    seen = entry.logged[None].copy()
    right_below = int(entry.right[1, 1])
    seen[0, 1, 1, right_below] = seen[0, 0, 0, entry.right[0, 0]] = True
    values = play.solved(entry.values[None, :, :, 0], seen, rewards, following)
    cost = sea.COST / 2
    assert values[0, 1, 1, right_below] == 1 - cost
    assert values[0, 1, 1, 1 - right_below] == float(1 - right_below)
    assert values[0, 0, 0, entry.right[0, 0]] == max(1 - cost, 1 - right_below) - cost


def test_what_was_logged_is_remembered() -> None:
    depth = 10
    entry = a_sea(depth, 1.0)
    known = entry._replace(logged=np.ones_like(entry.logged))
    assert first_success(known, 50) == 1
    assert first_success(entry, 200) > 5


@pytest.mark.parametrize("seed", range(3))
def test_playing_all_replays_at_once_gives_the_same_as_playing_one_by_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    depth = int(rng.integers(3, 7))
    drawn = [a_sea(depth, rng.standard_normal((depth, depth, TABLES, ACTIONS)), 0.2), a_sea(depth, 1.0)]
    together = play.returns_of_play(drawn, [np.random.default_rng(k) for k in (1, 2)], episodes=6, replays=4)
    apart = [
        play.returns_of_play([entry], [np.random.default_rng(k)], episodes=6, replays=4)[0]
        for k, entry in zip((1, 2), drawn, strict=True)
    ]
    assert together == pytest.approx(np.stack(apart), abs=0)


def test_dithering_takes_exponentially_long_in_depth_and_deep_exploration_does_not() -> None:
    """The published finding, at two depths."""
    shallow, deep = 4, 8
    growth = {}
    # acting at random all the time is the dithering that is quickest here: whoever follows zeros shuns the cost of moving right
    for name, values, explore in (("dithering", 0.0, 1.0), ("optimism", 1.0, 0.0), ("random values", None, 0.0)):
        needed = []
        for depth in (shallow, deep):
            drawn = np.random.default_rng(1).standard_normal((depth, depth, TABLES, ACTIONS)) if values is None else values
            needed.append(first_success(a_sea(depth, drawn, explore), 700))
        growth[name] = needed[1] / needed[0]
    assert growth["dithering"] > 8
    # no faster than the number of states, which grows with the square
    assert growth["optimism"] < 5
    assert growth["random values"] < 6


def test_prior_values_and_knowledge_of_the_sea_help(answers: pd.DataFrame, seas: list[object]) -> None:
    def score(method: object) -> float:
        return float(grader.score(methods.submitted(seas, method, np.random.default_rng(0)), answers))

    dithering, random_values = score(methods.constant(0.0, explore=0.1)), score(methods.random_values(1.0))
    point, several, mean = score(methods.most_probable_sea), score(methods.sampled_seas()), score(methods.mean_of_seas())
    assert random_values < 0.75 * dithering
    assert several < 0.75 * point
    assert mean < 0.5 * several


def test_prior_functions_help_the_networks_that_predict_moves() -> None:
    board = Registry().get_competition(NAME).read_leaderboard().set_index("name")["score"]
    trained = "treasure everywhere, moves by an ensemble of 10 networks"
    assert board[f"{trained} with prior functions"] < 0.9 * board[trained]


def test_no_logged_episode_finds_the_treasure(folder: Path, answers: pd.DataFrame) -> None:
    log = pd.read_csv(folder / "public" / "log.csv")
    first = answers.drop_duplicates("problem").set_index("problem")
    last = log[log["row"] == log["problem"].map(first["depth"]) - 1]
    assert (last["next_column"] != last["problem"].map(first["treasure"])).all()
    assert (last.groupby("problem").size().isin([3, 12])).all()


def test_the_log_shows_which_action_moves_right_and_nothing_else_is_shown(
    folder: Path, answers: pd.DataFrame, seas: list[object]
) -> None:
    prepared("another key", folder / "elsewhere")
    theirs = answers_in(folder / "elsewhere")
    known, right = np.concatenate([entry.known for entry in seas]), answers["right"].to_numpy()
    assert (known[known >= 0] == right[known >= 0]).all()
    hidden = known < 0
    states = pd.read_csv(folder / "public" / "states.csv")
    norms = np.linalg.norm(states[["x0", "x1", "x2"]], axis=1)
    for told in (
        theirs["right"].to_numpy(),
        norms,
        answers["row"].to_numpy(),
        answers["column"].to_numpy(),
        np.arange(len(right)),
    ):
        assert abs(np.corrcoef(told[hidden], right[hidden])[0, 1]) < 0.1
    ours, other = (table.drop_duplicates("problem")["treasure"].to_numpy() for table in (answers, theirs))
    assert (ours != other).any()
