"""What the verifier makes of a submission: the rewards of its report, and none where the fault is not the submission's."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.exports.harbor.choices import REWARDS
from mlebench.exports.harbor.rewards import rewards
from mlebench.exports.harbor.verify import main as verify
from mlebench.grade import grade_csv
from mlebench.registry import Competition, Registry

WINE = "demo-wine"
FLAGS = {"any_medal", "gold", "silver", "bronze", "above_median", "valid"}


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Competition:
    data_dir = tmp_path_factory.mktemp("data")
    assert main(["prepare", WINE, "--quiet", "--data-dir", str(data_dir)]) == 0
    return Registry(data_dir).get_competition(WINE)


Trial = Callable[..., tuple[int, dict[str, float] | None]]


@pytest.fixture
def trial(wine: Competition, tmp_path: Path) -> Trial:
    """The verifier's exit code and its rewards, if there are some."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "submission").mkdir()

    def run(*words: str) -> tuple[int, dict[str, float] | None]:
        places = ["--data-dir", str(wine.data_dir), "--logs", str(tmp_path / "logs")]
        submission = ["--submission", str(tmp_path / "submission" / "submission.csv")]
        code = verify([WINE, "--edition", "v1", *places, *submission, *words])
        told = tmp_path / "logs" / "reward.json"
        return code, json.loads(told.read_text()) if told.exists() else None

    return run


def hand_in(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "submission" / "submission.csv").write_bytes(content)


def test_the_best_submission_gets_the_best_rewards(trial: Trial, wine: Competition, tmp_path: Path) -> None:
    hand_in(wine.gold_submission.read_bytes(), tmp_path)
    code, told = trial()
    best = {"reward": 1.0, "any_medal": 1.0, "gold": 1.0, "silver": 0.0, "bronze": 0.0, "above_median": 1.0, "valid": 1.0}
    assert (code, told) == (0, {**best, "score": 0.0, "percentile": 100.0})
    report = json.loads((tmp_path / "logs" / "report.json").read_text())
    assert report["competition_id"] == WINE and report["gold_medal"]


@pytest.mark.parametrize("reward", REWARDS)
def test_any_of_them_can_be_the_reward(reward: str, trial: Trial, wine: Competition, tmp_path: Path) -> None:
    hand_in(wine.gold_submission.read_bytes(), tmp_path)
    assert (trial("--reward", reward)[1] or {})["reward"] == 1.0
    hand_in(wine.sample_submission.read_bytes(), tmp_path)
    told = trial("--reward", reward)[1] or {}
    report = grade_csv(wine.sample_submission, wine)
    assert told["score"] == report.score and told["percentile"] == report.percentile
    assert told["reward"] == (told[reward] / 100 if reward == "percentile" else told[reward])


def test_what_is_invalid_or_missing_scores_nothing(trial: Trial, tmp_path: Path) -> None:
    nothing = (0, {"reward": 0.0, **dict.fromkeys(FLAGS, 0.0)})
    assert trial() == nothing
    hand_in(b"id,class_0\n1,x\n", tmp_path)
    assert trial() == nothing
    assert trial("--reward", "percentile") == nothing


def test_a_link_to_the_answers_is_no_submission(
    trial: Trial, wine: Competition, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "submission" / "submission.csv").symlink_to(wine.gold_submission)
    code, told = trial()
    assert code == 0 and told is not None and told["valid"] == 0 and "score" not in told
    assert "is not a plain file (a link)" in capsys.readouterr().err


def test_without_data_there_is_no_reward(trial: Trial, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hand_in(b"id\n", tmp_path)
    assert trial("--data-dir", str(tmp_path / "empty")) == (1, None)
    assert capsys.readouterr().err.startswith("mlebench: demo-wine is not prepared")


def test_a_fault_of_the_grader_is_no_reward(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "competitions"
    assert main(["new-competition", "my-own", "--into", str(folder)]) == 0
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(folder))
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
    assert main(["prepare", "my-own", "--mock", "--quiet"]) == 0
    grade = folder / "my-own" / "grade.py"
    grade.write_text(
        f"{grade.read_text()}\n\ndef fail(*_):\n    raise ZeroDivisionError\n\n\nobject.__setattr__(grader, 'metric', fail)\n"
    )
    competition = Registry(tmp_path / "data").get_competition("my-own")
    hand_in(competition.sample_submission.read_bytes(), tmp_path)
    logs = tmp_path / "logs"
    submission = tmp_path / "submission" / "submission.csv"
    words = ["my-own", "--edition", "v1", "--data-dir", str(tmp_path / "data")]
    assert verify([*words, "--logs", str(logs), "--submission", str(submission)]) == 1
    assert json.loads((logs / "report.json").read_text())["error_kind"] == "grader_error"
    assert not (logs / "reward.json").exists()
    assert "no reward was written" in capsys.readouterr().err


@pytest.mark.parametrize("score", [math.nan, math.inf, 1e308])
def test_rewards_are_finite(score: float, wine: Competition) -> None:
    from grading.report import CompetitionReport

    report = CompetitionReport.from_score(WINE, score, wine.board(), submission_path="")
    for reward in REWARDS:
        assert all(math.isfinite(value) for value in rewards(report, reward).values())
