"""One submission: what an agent leaves is scored, invalid or missing, and says which, whatever its name and mode are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mlebench.grade import grade_csv, validate_submission
from mlebench.preparation import make_mock, prepare
from mlebench.registry import Competition, Registry
from tests.cases import Cases


@pytest.fixture(scope="module")
def competition(cases: Cases) -> Competition:
    return cases.prepared("demo-wine", "v1", 60)


@pytest.mark.parametrize("beside", ["submission.csv.gz", "Submission.csv", "submission.parquet", "submission.CSV"])
def test_a_missing_submission_names_the_file_that_may_be_meant(competition: Competition, tmp_path: Path, beside: str) -> None:
    (tmp_path / beside).write_bytes(b"x")
    (tmp_path / "train.csv").write_bytes(b"x")
    report = grade_csv(tmp_path / "submission.csv", competition)
    assert (report.submission_exists, report.error_kind) == (False, "missing")
    assert str(report.error).endswith(
        f"is missing; submit a csv file; `{beside}` lies beside it: write the table to `submission.csv`, in plain csv text"
    )


@pytest.mark.parametrize("name", ["a" * 5_000 + ".csv", "nul\0.csv", "line\nfeed\x1b[31m.csv", "\udcff.csv"])
def test_a_name_that_no_file_has_is_a_missing_submission(competition: Competition, tmp_path: Path, name: str) -> None:
    report = grade_csv(tmp_path / name, competition)
    assert report.error_kind == "missing"
    assert str(report.error).isprintable()
    assert len(str(report.error)) < 500


def test_what_is_no_regular_file_is_not_opened(competition: Competition, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "link.csv").symlink_to("nowhere")
    (tmp_path / "folder.csv").mkdir()
    for name, what in (("pipe", "no regular file"), ("link", "a link to a file that is not there"), ("folder", "a folder")):
        report = grade_csv(tmp_path / f"{name}.csv", competition)
        assert (report.error_kind, what in str(report.error)) == ("missing", True)


def test_a_file_that_may_not_be_read_is_an_invalid_submission(
    competition: Competition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "submission.csv"
    path.write_bytes(competition.sample_submission.read_bytes())
    path.chmod(0)
    really_open = Path.open

    def refuse(opened: Path, *arguments: Any, **options: Any) -> Any:
        # root may read everything
        if opened == path:
            raise PermissionError(13, "Permission denied")
        return really_open(opened, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    report = grade_csv(path, competition)
    assert report.error_kind == "invalid"
    assert str(report.error).endswith("submission.csv cannot be read (permission denied); make it readable")


def test_grading_and_checking_share_their_words(competition: Competition, tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    for content in (b"", b"id;cultivar_0", b"," * 30_000, competition.sample_submission.read_bytes() + b"\0"):
        path.write_bytes(content)
        assert validate_submission(path, competition) == (False, grade_csv(path, competition).error)


def test_answers_that_are_prepared_anew_are_those_that_count(tmp_path: Path) -> None:
    competition = Registry(tmp_path / "data").get_competition("spaceship-titanic")
    submission = tmp_path / "submission.csv"
    scores = []
    for seed in (0, 1):
        make_mock(competition, tmp_path / f"raw-{seed}", size=60, seed=seed)
        prepare(competition, tmp_path / f"raw-{seed}", mock=True)
        if seed == 0:
            competition.grader.perfect_submission(competition.answers_table).to_csv(submission, index=False)
        scores.append([grade_csv(submission, competition).score for _ in range(3)])
    fresh = Registry(tmp_path / "data").get_competition("spaceship-titanic")
    assert scores[0] != scores[1]
    assert scores[1] == [grade_csv(submission, fresh).score] * 3
