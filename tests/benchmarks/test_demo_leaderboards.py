"""The demo leaderboards are what the roster really scores."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.demo_leaderboards import evaluate, roster_of
from mlebench.preparation import prepare
from mlebench.registry import Registry

QUICK = (
    "5 nearest neighbours", "15 nearest neighbours, distance-weighted", "linear discriminant analysis", "Gaussian naive Bayes",
    "decision tree, depth 3", "mean", "ridge, alpha=10", "least squares", "decision tree, depth 2", "support vectors, RBF, C=1",
)  # fmt: skip


@pytest.mark.parametrize("name", Registry().list_competition_ids("demo"))
def test_a_part_of_the_roster_scores_what_the_leaderboard_says(name: str, tmp_path: Path) -> None:
    competition = Registry(tmp_path).get_competition(name)
    prepare(competition, tmp_path)
    board = competition.read_leaderboard().set_index("name")["score"]
    assert set(board.index) == set(roster_of(competition))
    assert len(board) >= 60
    assert list(board) == sorted(board, reverse=not competition.is_lower_better)
    scores = evaluate(competition, [model for model in QUICK if model in board])
    assert len(scores) >= 4
    assert scores == pytest.approx(board[list(scores)].to_dict(), abs=1e-4)
