"""Programs written for the published harness run unchanged: each test does what one kind of them does."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pandas as pd
import pytest

from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.preparation import make_mock, prepare
from mlebench.registry import Competition

ID = "spaceship-titanic"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory in the published layout, without a trace of this harness."""
    from mlebench.registry import Registry

    competition = Registry(tmp_path / "data").get_competition(ID)
    make_mock(competition, tmp_path / "raw", size=100, seed=0)
    prepare(competition, tmp_path / "raw", mock=True)
    (competition.prepared_dir / "prepared.json").unlink()
    (competition.root / ".lock").unlink()
    return tmp_path / "data"


def fetched_board(competition: Competition) -> list[float]:
    """What `mlebench leaderboard --refresh` leaves in the data directory: one row for each team, best first."""
    scores = [round(0.9 - place / 1000, 5) for place in range(200)]
    rows = [f"{score},team {place},2022-03-01" for place, score in enumerate(scores)]
    (competition.root / "leaderboard.csv").write_text("\n".join(["score,team,submitted", *rows]) + "\n")
    return scores


def test_an_evaluation_frameworks_task_prepares_in_set_up_and_grades_with_grade_csv(data: Path) -> None:
    from mlebench.data import download_and_prepare_dataset, is_dataset_prepared
    from mlebench.grade import grade_csv
    from mlebench.registry import registry

    competition = registry.set_data_dir(data).get_competition(ID)
    assert is_dataset_prepared(competition)
    assert is_dataset_prepared(competition, grading_only=True)
    # nothing is left to do, so no account is asked for
    download_and_prepare_dataset(competition, keep_raw=False, skip_verification=True)

    report = grade_csv(competition.gold_submission, competition)
    assert report.score == 1.0
    assert report.gold_medal and report.any_medal and report.above_median
    assert json.loads(json.dumps(report.to_dict()))["competition_id"] == ID


def test_a_validation_server_wraps_validate_submission(data: Path, tmp_path: Path) -> None:
    from mlebench.grade import validate_submission
    from mlebench.registry import registry

    competition = registry.set_data_dir(data).get_competition(ID)
    assert validate_submission(competition.sample_submission, competition)[0] is True
    (tmp_path / "bad.csv").write_text("PassengerId\n1\n")
    valid, message = validate_submission(tmp_path / "bad.csv", competition)
    assert valid is False
    assert "Transported" in message


def test_a_script_calls_grade_sample_and_reads_the_json_from_the_log(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # a fresh handler, so that it writes to the stream that is read here
    logging.getLogger("mlebench.grade_sample").handlers.clear()
    submission = data / ID / "prepared" / "public" / "sample_submission.csv"
    assert main(["grade-sample", str(submission), ID, "--data-dir", str(data)]) == 0
    log = capsys.readouterr().err
    report = json.loads(log[log.index("{") : log.rindex("}") + 1])
    assert report["competition_id"] == ID
    assert report["valid_submission"] is True
    assert re.search(r"\[INFO\]|INFO", log)


def test_a_runner_lists_split_files_and_prepares_each(data: Path) -> None:
    from mlebench.registry import registry

    splits = registry.get_splits_dir()
    sizes = {path.stem: len(path.read_text().split()) for path in splits.glob("*.txt")}
    assert {"low": 22, "medium": 38, "high": 15, "dev": 7, "split75": 75}.items() <= sizes.items()
    low = (splits / "low.txt").read_text().split()
    assert set(low) == set(registry.get_lite_competition_ids())
    assert len(registry.list_competition_ids()) == 82
    assert (registry.get_competitions_dir() / low[0] / "description.md").exists()
    for name in ("low", "medium", "high", "dev"):
        assert set((splits / f"{name}.txt").read_text().split()) == set(registry.list_competition_ids(name))


def test_an_agent_harness_reads_a_competitions_attributes(data: Path) -> None:
    from mlebench.registry import Registry, registry

    mine = registry.set_data_dir(data)
    assert isinstance(mine, Registry)
    assert mine.get_data_dir() == data
    competition = mine.get_competition(ID)
    assert competition.id == ID
    assert competition.name == "Spaceship Titanic"
    assert competition.competition_type == "simple"
    assert competition.description.startswith("#")
    for path in (competition.answers, competition.gold_submission, competition.sample_submission):
        assert path.is_file()
    assert competition.raw_dir == data / ID / "raw"
    assert competition.public_dir == data / ID / "prepared" / "public"
    assert competition.private_dir == data / ID / "prepared" / "private"
    assert competition.leaderboard.suffix == ".csv"
    assert callable(competition.prepare_fn)
    assert set(competition.checksums.public) == {"sample_submission.csv", "test.csv", "train.csv"}


def test_a_script_prepares_by_hand_with_three_paths(tmp_path: Path) -> None:
    from mlebench.registry import registry

    competition = registry.set_data_dir(tmp_path).get_competition(ID)
    make_mock(competition, tmp_path / "raw", size=60, seed=0)
    for folder in ("public", "private"):
        (tmp_path / folder).mkdir()
    competition.prepare_fn(tmp_path / "raw", tmp_path / "public", tmp_path / "private")
    assert (tmp_path / "public" / "train.csv").exists()


def test_a_notebook_grades_frames_and_ranks_scores(data: Path) -> None:
    from mlebench.data import get_leaderboard
    from mlebench.grade_helpers import Grader, InvalidSubmissionError
    from mlebench.registry import registry
    from mlebench.utils import load_answers, read_csv

    competition = registry.set_data_dir(data).get_competition(ID)
    grader: Grader = competition.grader
    answers = load_answers(competition.answers)
    submission = read_csv(competition.sample_submission)
    score = grader(submission, answers)
    assert score is not None and 0 < score < 1
    with pytest.raises(InvalidSubmissionError):
        grader.score(submission.drop(columns="Transported"), answers)

    with pytest.raises(UsageError, match=f"mlebench leaderboard {ID} --refresh"):
        get_leaderboard(competition)
    fetched_board(competition)
    leaderboard = get_leaderboard(competition)
    assert grader.is_lower_better(leaderboard) is False
    place = grader.rank_score(0.83, leaderboard)
    assert (place["bronze_medal"], place["gold_medal"], place["above_median"]) == (True, False, True)
    assert place["gold_threshold"] == 0.889
    assert grader.rank_score(None, leaderboard)["above_median"] is False


def test_a_pipeline_grades_a_jsonl_and_aggregates(data: Path, tmp_path: Path) -> None:
    from mlebench.grade import aggregate_reports, grade_csv, grade_jsonl
    from mlebench.grade_helpers import CompetitionReport
    from mlebench.registry import registry

    mine = registry.set_data_dir(data)
    competition = mine.get_competition(ID)
    paths = [competition.sample_submission, tmp_path / "missing.csv", tmp_path]
    lines = [json.dumps({"competition_id": ID, "submission_path": str(path)}) for path in paths]
    (tmp_path / "submissions.jsonl").write_text("\n".join(lines) + "\n")
    grade_jsonl(tmp_path / "submissions.jsonl", tmp_path / "out", mine)
    (written,) = (tmp_path / "out").glob("*_grading_report.json")
    content = json.loads(written.read_text())
    assert (content["total_runs"], content["total_runs_with_submissions"], content["total_valid_submissions"]) == (3, 1, 1)

    reports = [CompetitionReport.from_dict(entry) for entry in content["competition_reports"]]
    assert aggregate_reports(reports).total_valid_submissions == 1
    assert grade_csv(tmp_path / "submissions.jsonl", competition).submission_exists is False


def test_published_command_lines_work(data: Path, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text(f"{ID}\n")
    assert main(["prepare", "-c", ID, "--data-dir", str(data), "--keep-raw", "--skip-verification"]) == 0
    assert main(["prepare", "--list", str(tmp_path / "ids.txt"), "--data-dir", str(data)]) == 0
    submission = data / ID / "prepared" / "public" / "sample_submission.csv"
    (tmp_path / "s.jsonl").write_text(json.dumps({"competition_id": ID, "submission_path": str(submission)}))
    words = ["grade", "--submission", str(tmp_path / "s.jsonl"), "--output-dir", str(tmp_path / "out"), "--data-dir", str(data)]
    assert main(words) == 0
    assert pd.read_json(next((tmp_path / "out").glob("*_grading_report.json")), typ="series")["total_runs"] == 1
