"""Competition folders written for the published harness load from the user's path, as edition v1 alone."""

from __future__ import annotations

import dataclasses
import json
import pickle
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.grade import grade_csv, validate_submission
from mlebench.preparation import prepare
from mlebench.registry import Competition, Registry
from tests.registry.published_folders import SCORES, write_competition, write_raw

ID = "plant-rows"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path / "mine"))
    return tmp_path / "mine"


@pytest.fixture
def competition(home: Path, tmp_path: Path) -> Competition:
    write_competition(home)
    found = Registry(tmp_path / "data").get_competition(ID)
    prepare(found, write_raw(tmp_path / "raw"))
    return found


def submit(path: Path, competition: Competition, **changes: object) -> Path:
    pd.read_csv(competition.sample_submission).assign(**changes).to_csv(path, index=False)
    return path


def test_it_has_the_attributes_of_every_competition(competition: Competition, home: Path, tmp_path: Path) -> None:
    assert (competition.id, competition.name, competition.competition_type) == (ID, "Plant rows", "simple")
    assert competition.description.startswith("# Plants")
    assert competition.answers == tmp_path / "data" / ID / "prepared" / "private" / "answers.csv"
    assert competition.leaderboard == home / ID / "leaderboard.csv"
    assert (competition.split, competition.edition.name, competition.direction) == ("own", "v1", "maximize")
    assert ID in Registry().list_competition_ids("own")
    assert dataclasses.replace(competition, name="Rows").name == "Rows"


def test_its_own_function_prepares(competition: Competition) -> None:
    assert sorted(path.name for path in competition.public_dir.iterdir()) == [
        "description.md",
        "sample_submission.csv",
        "test.csv",
        "train.csv",
    ]


def test_its_own_function_grades_and_its_leaderboard_ranks(competition: Competition, tmp_path: Path) -> None:
    report = grade_csv(competition.sample_submission, competition)
    assert (report.score, report.any_medal, report.gold_threshold) == (0.5, False, pytest.approx(SCORES[4]))
    assert grade_csv(competition.answers, competition).gold_medal
    assert (report.edition, report.leaderboard_size) == ("v1", 50)
    assert competition.grader.name == "accuracy"


def test_what_its_function_refuses_is_invalid_and_says_why(competition: Competition, tmp_path: Path) -> None:
    oak = submit(tmp_path / "oak.csv", competition, plant="oak")
    assert grade_csv(oak, competition).error == "the plants are ['fern', 'moss']"
    short = tmp_path / "short.csv"
    pd.read_csv(competition.sample_submission).head(3).to_csv(short, index=False)
    assert grade_csv(short, competition).error_kind == "invalid"


@pytest.mark.parametrize("content", ["", "row_id\n1\n", "row_id,plant\n1,2,3\n1\n", "\x00\x01"])
def test_whatever_it_raises_is_the_submissions_own_fault(competition: Competition, tmp_path: Path, content: str) -> None:
    (tmp_path / "s.csv").write_text(content)
    report = grade_csv(tmp_path / "s.csv", competition)
    assert (report.error_kind, report.submission_exists, report.valid_submission) == ("invalid", True, False)


def test_a_check_asks_for_the_form_of_the_sample_and_never_calls_its_function(competition: Competition, tmp_path: Path) -> None:
    source = competition.folder / "grade.py"
    source.write_text("def grade(submission, answers):\n    raise SystemExit('called')\n")
    again = dataclasses.replace(competition)
    assert validate_submission(submit(tmp_path / "oak.csv", again, plant="oak"), again)[0]
    sample = pd.read_csv(again.sample_submission)
    faulty = {
        "missing: ": sample.head(3),
        "not in the test set": sample.assign(row_id=range(900, 900 + len(sample))),
        "missing column `plant`": sample.drop(columns="plant"),
        "not in the test set|repeated": pd.concat([sample, sample.head(1)]),
    }
    for words, table in faulty.items():
        table.to_csv(tmp_path / "faulty.csv", index=False)
        valid, message = validate_submission(tmp_path / "faulty.csv", again)
        assert not valid
        assert re.search(words, message), message


@pytest.mark.parametrize("statement", ["return float('nan')", "return float('-inf')", "raise SystemExit('no')", "return None"])
def test_where_its_function_gives_no_number_the_submission_is_invalid(
    competition: Competition, tmp_path: Path, statement: str
) -> None:
    (competition.folder / "grade.py").write_text(f"def grade(submission, answers):\n    {statement}\n")
    shutil.copy(competition.sample_submission, tmp_path / "s.csv")
    report = grade_csv(tmp_path / "s.csv", competition)
    assert (report.score, report.error_kind) == (None, "invalid")
    assert str(report.error).startswith("the competition's grader")


def test_an_error_that_was_not_meant_for_agents_is_not_shown_to_them(competition: Competition, tmp_path: Path) -> None:
    source = competition.folder / "grade.py"
    source.write_text("def grade(submission, answers):\n    raise KeyError(answers['plant'].tolist())\n")
    again = dataclasses.replace(competition)
    message = str(grade_csv(competition.sample_submission, again).error)
    assert "KeyError" in message and "moss" not in message


def test_several_processes_grade_it(competition: Competition, tmp_path: Path) -> None:
    lines = [json.dumps({"competition_id": ID, "submission_path": str(competition.sample_submission)})] * 4
    (tmp_path / "s.jsonl").write_text("\n".join(lines))
    where = ["--output-dir", str(tmp_path / "out"), "--data-dir", str(tmp_path / "data")]
    assert main(["grade", "--submission", str(tmp_path / "s.jsonl"), "--jobs", "2", *where]) == 0
    (written,) = (tmp_path / "out").glob("*.json")
    assert [entry["score"] for entry in json.loads(written.read_text())["competition_reports"]] == [0.5] * 4
    assert pickle.loads(pickle.dumps(competition)).grader.name == "accuracy"


def test_the_commands_know_it(competition: Competition, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--data-dir", str(tmp_path / "data")]
    for words in (["info", ID, "--json"], ["status", "--split", "own"], ["leaderboard", ID, "--score", "0.9"],
                  ["prepare", ID, "--verify-only"], ["validate", str(competition.sample_submission), "-c", ID]):  # fmt: skip
        assert main([*words, *where]) == 0, words
    assert main(["list", "--split", "own", "--json"]) == 0
    assert f'"id": "{ID}"' in capsys.readouterr().out


def test_functions_may_lie_in_an_installed_package(home: Path) -> None:
    write_competition(home, grader={"name": "distance", "grade_fn": "math:dist"}, preparer="shutil:copytree")
    found = Registry().get_competition(ID)
    assert found.grader.grade_fn([0, 0], [3, 4]) == 5
    assert found.prepare_fn.__name__ == "copytree"


def test_a_folder_finds_its_modules_by_their_full_name(home: Path, tmp_path: Path) -> None:
    folder = write_competition(home)
    source = (folder / "grade.py").read_text().replace("from .classes", "from mlebench.competitions.shared_plants.classes")
    (folder / "grade.py").write_text(source)
    (home / "shared_plants").mkdir()
    (home / "shared_plants" / "classes.py").write_text('CLASSES = ["fern", "moss"]\n')
    found = Registry(tmp_path / "data").get_competition(ID)
    prepare(found, write_raw(tmp_path / "raw"))
    assert grade_csv(found.answers, found).score == 1


def test_the_published_checksums_are_compared(home: Path, tmp_path: Path) -> None:
    folder = write_competition(home)
    sums = {"public": {"train.csv": "0" * 32}, "private": {}}
    (folder / "checksums.yaml").write_text(yaml.safe_dump(sums))
    found = Registry(tmp_path / "data").get_competition(ID)
    assert found.checksums == folder / "checksums.yaml"
    with pytest.raises(Exception, match=r"train\.csv differs"):
        prepare(found, write_raw(tmp_path / "raw"))
    prepare(found, tmp_path / "raw", verify=False)


def test_it_has_no_second_edition(home: Path) -> None:
    write_competition(home)
    with pytest.raises(UsageError, match="only edition v1"):
        Registry().set_edition("v2").get_competition(ID)
    assert ID not in Registry().set_edition("v2").list_competition_ids("own")
    assert [found.edition.name for found in Registry().in_each_edition(ID)] == ["v1"]
    assert [found.edition.name for found in Registry().in_each_edition("demo-wine")] == ["v1", "v2"]


def test_a_published_folder_of_ours_stands_in_for_none_of_ours(home: Path) -> None:
    write_competition(home, "spaceship-titanic")
    found = Registry().get_competition("spaceship-titanic")
    assert (found.name, found.split) == ("Spaceship Titanic", "dev")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "other"}, r"config\.yaml: `id` is 'other', expected the folder's name 'plant-rows'"),
        ({"grader": None}, r"config\.yaml, line \d+: `grader`: "),
        (
            {"dataset": {"answers": "a.csv", "sample_submission": "b.csv"}},
            r"'a\.csv' is not a path of the form plant-rows/prepared/",
        ),
    ],
)
def test_a_faulty_config_is_told_with_what_it_needs(home: Path, changes: dict[str, object], message: str) -> None:
    write_competition(home, **changes)
    with pytest.raises(UsageError, match=message):
        Registry().get_competition(ID)


@pytest.mark.parametrize(
    ("grade_fn", "message"),
    [
        ("mlebench.competitions.plant-rows.nothing:grade", r"nothing\.py is missing"),
        ("mlebench.competitions.plant-rows.grade:nothing", r"grade\.py defines no `nothing`"),
        ("no_such_package:grade", "`no_such_package:grade` cannot be imported"),
        ("grade", "`grade` cannot be imported"),
    ],
)
def test_a_function_that_is_not_there_is_told(home: Path, grade_fn: str, message: str) -> None:
    write_competition(home, grader={"name": "accuracy", "grade_fn": grade_fn})
    with pytest.raises(UsageError, match=message):
        Registry().get_competition(ID).grader


@pytest.mark.parametrize(
    ("board", "message"),
    [
        (None, "shows whether a lower score is better, is missing"),
        ("score\n", "one row for each team"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer.*`git lfs pull`"),
    ],
)
def test_the_leaderboard_tells_the_direction(home: Path, board: str | None, message: str) -> None:
    path = write_competition(home) / "leaderboard.csv"
    path.unlink()
    if board is not None:
        path.write_text(board)
    with pytest.raises(UsageError, match=message):
        Registry().get_competition(ID)
    path.write_text("score\n0.1\n0.2\n")
    assert Registry().get_competition(ID).is_lower_better
