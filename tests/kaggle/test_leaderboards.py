"""The whole private leaderboard, page by page; what is not whole is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grading import Thresholds
from mlebench.cli.main import main
from mlebench.errors import UsageError, WorkFailed
from mlebench.kaggle.leaderboards import refresh_leaderboard
from mlebench.registry import Competition, Registry
from tests.kaggle.conftest import TABLE
from tests.kaggle.loopback import Fault, LoopbackKaggle, board

SCORES = [round(0.82 - 0.001 * place, 5) for place in range(130)]


def competition() -> Competition:
    return Registry().get_competition(TABLE)


@pytest.fixture
def whole(kaggle: LoopbackKaggle) -> LoopbackKaggle:
    kaggle.contests[TABLE].board = board(list(SCORES))
    kaggle.contests[TABLE].teams = len(SCORES)
    return kaggle


def test_all_pages_become_one_board_with_its_date(whole: LoopbackKaggle) -> None:
    note = refresh_leaderboard(competition())
    assert (note.teams, note.scored) == (130, 130) and note.fetched_at
    assert list(competition().read_leaderboard()["score"]) == SCORES
    asked = [request.body.get("pageToken") for request in whole.requests("GetLeaderboard")]
    assert asked == ["", *map(str, range(20, 130, 20))]
    assert not any(request.body.get("overridePublic") for request in whole.requests("GetLeaderboard"))
    assert whole.requests("DownloadLeaderboard") == []


def test_the_clients_own_view_is_one_page(whole: LoopbackKaggle) -> None:
    if whole.environment["KAGGLE_API_ENVIRONMENT"] != "LOCALHOST":
        pytest.skip("the `kaggle` command's client only knows port 80, which is not ours here")
    script = f"import kaggle; print(len(kaggle.api.competition_leaderboard_view({TABLE!r})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Next", "Page", "Token", "=", "20", "20"]


def test_the_clients_own_download_agrees(whole: LoopbackKaggle, tmp_path: Path) -> None:
    if whole.environment["KAGGLE_API_ENVIRONMENT"] != "LOCALHOST":
        pytest.skip("the `kaggle` command's client only knows port 80, which is not ours here")
    script = f"import kaggle; kaggle.api.competition_download_files({TABLE!r}, path={str(tmp_path / 'real')!r})"
    subprocess.run([sys.executable, "-c", script], check=True, env=dict(os.environ))
    assert (tmp_path / "real" / f"{TABLE}.zip").read_bytes() == whole.contests[TABLE].archive


@pytest.mark.parametrize(
    ("rows", "teams", "reason"),
    [
        (board(SCORES[:129]), 130, "129 rows but the competition has 130 teams"),
        (board(SCORES[:20]), 130, "20 rows"),
        (board([*SCORES[:60], *SCORES[70:], *SCORES[60:70]]), 130, "not sorted"),
        (board(SCORES[::-1]), 130, "not sorted"),
        (board([0.82] * 130), 130, "all of its 130 scores are 0.82"),
        ([*board(SCORES[:65]), *board(SCORES[:65])], 130, "65 teams are listed twice"),
        (board([""] * 130), 130, "no scores"),
        (board(list(SCORES)), 0, "the number of teams"),
        ([], 130, "0 rows"),
    ],
)
def test_a_board_that_is_not_whole_is_refused_and_changes_nothing(
    whole: LoopbackKaggle, rows: list[dict[str, Any]], teams: int, reason: str
) -> None:
    refresh_leaderboard(competition())
    before = competition().leaderboard.read_bytes()
    whole.contests[TABLE].board, whole.contests[TABLE].teams = rows, teams
    with pytest.raises(WorkFailed, match=reason):
        refresh_leaderboard(competition())
    assert competition().leaderboard.read_bytes() == before


def test_a_server_that_repeats_a_page_is_refused_in_finite_time(whole: LoopbackKaggle, monkeypatch: pytest.MonkeyPatch) -> None:
    whole.rows_per_page = 0
    with pytest.raises(WorkFailed, match="0 rows"):
        refresh_leaderboard(competition())


def test_teams_without_a_score_count_as_teams_and_rank_nowhere(whole: LoopbackKaggle) -> None:
    whole.contests[TABLE].board = board([*SCORES, "", ""])
    whole.contests[TABLE].teams = 132
    note = refresh_leaderboard(competition())
    assert (note.teams, note.scored) == (132, 130)
    assert len(competition().read_leaderboard()) == 130


def test_the_count_of_teams_is_looked_up_in_the_list_where_the_page_has_none(whole: LoopbackKaggle) -> None:
    whole.fail("GetCompetition", Fault(status=404))
    assert refresh_leaderboard(competition()).teams == 130


def test_lower_is_better_is_sorted_the_other_way(kaggle: LoopbackKaggle) -> None:
    name = "leaf-classification"
    kaggle.contests[name] = type(kaggle.contests[TABLE])(board=board(SCORES[::-1]), teams=130)
    leaf = Registry().get_competition(name)
    refresh_leaderboard(leaf)
    assert leaf.live_thresholds == Thresholds.from_leaderboard(SCORES, lower_is_better=True)


def test_grades_get_rank_and_live_thresholds_only_on_request(
    whole: LoopbackKaggle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # a mock's score stands nowhere
    assert main(["prepare", TABLE, "--no-verify"]) == 0
    capsys.readouterr()
    assert main(["leaderboard", TABLE, "--refresh", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["leaderboard_size"] == 130 and shown["leaderboard_date"]
    assert shown["gold_threshold"] == competition().facts.thresholds.gold  # type: ignore[union-attr]
    assert shown["live_gold_threshold"] == SCORES[9]
    assert shown["live_gold_difference"] == pytest.approx(SCORES[9] - shown["gold_threshold"], abs=1e-5)
    sample = str(competition().sample_submission)
    assert main(["grade", sample, "-c", TABLE, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["leaderboard_size"] == 130 and report["rank"] == 131
    assert report["gold_threshold"] == shown["gold_threshold"]
    assert main(["grade", sample, "-c", TABLE, "--thresholds", "live", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gold_threshold"] == SCORES[9]
    assert main(["grade", sample, "-c", TABLE, "--thresholds", "live"]) == 0
    table = capsys.readouterr().out
    assert "published thresholds" in table and f"gold {shown['live_gold_difference']:+.5g}" in table


def test_live_thresholds_without_a_board_name_the_command(kaggle: LoopbackKaggle, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", TABLE, "--mock"]) == 0
    capsys.readouterr()
    assert main(["grade", str(competition().sample_submission), "-c", TABLE, "--thresholds", "live"]) == 2
    assert f"`mlebench leaderboard {TABLE} --refresh`" in capsys.readouterr().err


def test_a_competition_that_is_not_on_kaggle_has_its_own_board(kaggle: LoopbackKaggle) -> None:
    with pytest.raises(UsageError, match="is not on Kaggle"):
        refresh_leaderboard(Registry().get_competition("demo-wine"))
