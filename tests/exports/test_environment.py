"""An environment for training: submissions are counted and on record, and tell no more than they are to tell."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pandas as pd
import pytest

from mlebench.errors import UsageError, WorkFailed
from mlebench.exports.environment import Environment
from mlebench.grade import grade_csv
from mlebench.grade.pool import GradingPool
from mlebench.registry import Competition, Registry
from tests.cases import Cases


@pytest.fixture
def wine(cases: Cases) -> Competition:
    return cases.prepared("demo-wine", "v1")


def test_an_episode_begins_with_task_and_data_and_no_answers(wine: Competition) -> None:
    task = Environment(wine, most_submissions=3).reset()
    assert task.competition_id == "demo-wine" and task.description == wine.description and task.submissions_left == 3
    assert task.is_lower_better and (task.public_dir / "train.csv").is_file()
    assert str(wine.private_dir) not in repr(task)


def test_a_score_is_that_of_the_harness(wine: Competition) -> None:
    environment = Environment(wine, most_submissions=2, answers="score")
    environment.reset()
    by_path = environment.submit(wine.sample_submission)
    by_table = environment.submit(pd.read_csv(wine.gold_submission))
    assert by_path.score == grade_csv(wine.sample_submission, wine).score and by_path.valid and not by_path.is_last
    assert by_table.score == grade_csv(wine.gold_submission, wine).score and by_table.is_last
    assert by_path.sha256 == hashlib.sha256(wine.sample_submission.read_bytes()).hexdigest()
    assert environment.record == [by_path, by_table]


def test_a_verdict_tells_no_score(wine: Competition, tmp_path: Path) -> None:
    environment = Environment(wine, most_submissions=2)
    environment.reset()
    valid = environment.submit(wine.gold_submission)
    assert valid.valid and valid.score is None and valid.message == ""
    (tmp_path / "submission.csv").write_text("id\n1\n")
    wrong = environment.submit(str(tmp_path / "submission.csv"))
    assert not wrong.valid and wrong.message == grade_csv(tmp_path / "submission.csv", wine).error


def test_submissions_are_bounded_until_the_next_episode(wine: Competition) -> None:
    environment = Environment(wine, most_submissions=1)
    environment.reset()
    assert environment.submit(wine.sample_submission).is_last
    with pytest.raises(UsageError, match="the limit of 1 submission per episode is reached"):
        environment.submit(wine.sample_submission)
    assert environment.reset().submissions_left == 1 and environment.record == []
    assert environment.submit(wine.sample_submission).valid


def test_what_is_no_plain_file_counts_and_is_not_read(wine: Competition, tmp_path: Path) -> None:
    environment = Environment(wine, most_submissions=3, answers="score")
    environment.reset()
    (tmp_path / "link.csv").symlink_to(wine.gold_submission)
    for path, said in ((tmp_path / "none.csv", "No such file"), (tmp_path / "link.csv", "a link"), (tmp_path, "a folder")):
        outcome = environment.submit(path)
        assert not outcome.valid and said in outcome.message and outcome.score is None and outcome.sha256 is None
    assert [outcome.submissions_left for outcome in environment.record] == [2, 1, 0]


def test_a_fault_of_the_grader_is_not_counted(wine: Competition, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = Environment(wine, most_submissions=1, answers="score")
    environment.reset()

    def fails(*_: object) -> None:
        raise WorkFailed("no process can be had")

    with monkeypatch.context() as patch:
        patch.setattr(GradingPool, "grade", fails)
        with pytest.raises(WorkFailed):
            environment.submit(wine.sample_submission)
    assert environment.record == [] and environment.submit(wine.sample_submission).valid


def test_what_cannot_be_is_refused(wine: Competition, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mlebench prepare demo-wine"):
        Environment(Registry(tmp_path).get_competition("demo-wine"), most_submissions=1)
    with pytest.raises(UsageError, match="at least 1"):
        Environment(wine, most_submissions=0)


def test_a_full_disk_costs_no_submission(wine: Competition, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = Environment(wine, most_submissions=1)
    environment.reset()

    def refuse(*_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("mlebench.exports.environment._copy_bounded", refuse)
    with pytest.raises(WorkFailed, match="No space left on device"):
        environment.submit(wine.sample_submission)
    assert environment.record == []
