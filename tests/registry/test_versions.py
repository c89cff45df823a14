"""The version of a competition: required, recorded with what it makes, and held against prepared data."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from grading.report import CompetitionReport
from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.grade import grade_csv
from mlebench.preparation import make_mock, prepare
from mlebench.preparation.record import PreparationRecord
from mlebench.registry import Competition, Registry
from mlebench.registry.competition import PREPARED_RECORD
from mlebench.registry.facts import load_facts

NAME = "spaceship-titanic"


@pytest.fixture
def prepared(tmp_path: Path) -> Competition:
    competition = Registry(tmp_path / "data").get_competition(NAME)
    make_mock(competition, tmp_path / "raw", size=40, seed=1)
    prepare(competition, tmp_path / "raw", mock=True)
    return competition


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A competition folder of a user's own."""
    assert main(["new-competition", "mine", "--into", str(tmp_path / "own")]) == 0
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path / "own"))
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "own" / "mine"


def raised(competition: Competition) -> Competition:
    return dataclasses.replace(competition, facts=dataclasses.replace(competition.facts, version=2))


def forget_version(competition: Competition) -> None:
    path = competition.prepared_dir / PREPARED_RECORD
    content = json.loads(path.read_text())
    del content["competition_version"]
    path.write_text(json.dumps(content))


def test_facts_without_a_version_say_what_to_add(own: Path) -> None:
    path = own / "competition.yaml"
    path.write_text(path.read_text().replace("version: 1\n", ""))
    with pytest.raises(UsageError, match=r"mine/competition.yaml has no `version`; add `version: 1`"):
        load_facts(path)


@pytest.mark.parametrize("version", ["0", "-1", "1.5", "'1'", "true", "null"])
def test_a_version_is_a_positive_integer(own: Path, version: str) -> None:
    path = own / "competition.yaml"
    path.write_text(path.read_text().replace("version: 1\n", f"version: {version}\n"))
    with pytest.raises(UsageError, match=r"mine/competition.yaml, line \d+: `version`: expected"):
        load_facts(path)


def test_preparation_and_grading_record_the_version(prepared: Competition) -> None:
    record = PreparationRecord.read(prepared.prepared_dir)
    assert record is not None and record.competition_version == prepared.facts.version
    report = grade_csv(prepared.sample_submission, prepared)
    assert report.competition_version == prepared.facts.version
    assert list(report.to_dict())[-1] == "competition_version"
    assert CompetitionReport.from_dict(report.to_dict()).competition_version == prepared.facts.version


def test_reports_of_other_harnesses_know_no_version() -> None:
    assert CompetitionReport.from_dict({"competition_id": NAME, "any_medal": False}).competition_version is None


def test_data_of_another_version_is_not_graded(prepared: Competition) -> None:
    with pytest.raises(
        UsageError, match=rf"a version of the competition other than 2; `mlebench prepare {NAME} --force --data-dir \S+` prepares"
    ):
        grade_csv(prepared.sample_submission, raised(prepared))


def test_data_whose_record_knows_no_version_is_graded(prepared: Competition) -> None:
    forget_version(prepared)
    assert grade_csv(prepared.sample_submission, raised(prepared)).score is not None
    (prepared.prepared_dir / PREPARED_RECORD).unlink()
    assert grade_csv(prepared.sample_submission, raised(prepared)).score is not None


def test_data_of_another_version_is_prepared_again_on_request_alone(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", "mine", "--mock"]) == 0
    get = Registry.get_competition
    monkeypatch.setattr(Registry, "get_competition", lambda registry, name: raised(get(registry, name)))
    capsys.readouterr()
    assert main(["prepare", "mine", "--mock"]) == 2
    assert "another version" in capsys.readouterr().err
    assert main(["status", "--split", "own"]) == 0
    assert "another version" in capsys.readouterr().out
    assert main(["prepare", "mine", "--mock", "--force"]) == 0
    assert main(["prepare", "mine", "--mock"]) == 0


def test_info_and_list_show_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", NAME, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == Registry().get_competition(NAME).facts.version
    assert main(["info", NAME]) == 0
    assert "version" in capsys.readouterr().out
    assert main(["list", "--json"]) == 0
    assert all(entry["version"] > 0 for entry in json.loads(capsys.readouterr().out))


def test_a_run_on_data_of_another_version_is_refused_with_what_helps(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", "mine", "--mock"]) == 0
    get = Registry.get_competition
    monkeypatch.setattr(Registry, "get_competition", lambda registry, name: raised(get(registry, name)))
    arguments = ["run", "--agent", "dummy", "-c", "mine", "--sandbox", "local", "--runs-dir", str(tmp_path / "runs")]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "a version of the competition other than 2; `mlebench prepare mine --force`" in error
    assert "not prepared" not in error
