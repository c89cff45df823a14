"""Scores read without pandas are those that pandas reads; what is out of the ordinary is left to it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mlebench._support.paths import content_dir
from mlebench.registry import Registry
from mlebench.registry.leaderboard import plain_scores


def test_boards_of_ours_are_plain() -> None:
    boards = sorted(content_dir("competitions").glob("*/leaderboard.csv"))
    assert boards
    for path in boards:
        assert plain_scores(path) == pd.read_csv(path, float_precision="round_trip")["score"].tolist()


@pytest.mark.parametrize(
    "text",
    ["score\n", "score\n1\n2\n", 'name,score\n"a, b",-0.0\nc,123456789012345.123456789012345\n', "score,x\r\n0.1,\r\n7,a\r\n"],
)
def test_plain_boards(text: str, tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.csv"
    path.write_bytes(text.encode())
    scores = plain_scores(path)
    assert scores is not None
    assert repr(scores) == repr(pd.read_csv(path, float_precision="round_trip")["score"].astype(float).tolist())


@pytest.mark.parametrize(
    "text",
    [
        "", "\n", "name\na\n", "score,score\n1,2\n", "score\nNA\n", "score\nnan\n", "score\ninf\n", "score\n 1\n", "score\n1_0\n",
        "score\n1e3\n", "score\n\n1\n", "score,x\n1\n", "score,x\n1,2,3\n", "\ufeffscore\n1\n", "score\n\"1\n", "score\n١\n",
        "score\n1\0\n", "a score\n1\n",
    ],
)  # fmt: skip
def test_anything_out_of_the_ordinary_is_left_to_pandas(text: str, tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.csv"
    path.write_bytes(text.encode())
    assert plain_scores(path) is None


def test_other_encodings_are_left_to_pandas(tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.csv"
    path.write_bytes("name,score\nJosé,1\n".encode("latin-1"))
    assert plain_scores(path) is None


def test_thresholds_do_not_hang_on_how_a_board_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Registry().list_competition_ids("research"):
        plain = Registry().get_competition(name).live_thresholds
        with monkeypatch.context() as patch:
            patch.setattr("mlebench.registry.competition.plain_scores", lambda path: None)
            assert Registry().get_competition(name).live_thresholds == plain
