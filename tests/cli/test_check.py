"""`mlebench check` prints what to do, and its exit code says whether anything is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlebench.cli.main import main
from tests.scaffold.check.folders import made


@pytest.fixture(autouse=True)
def no_own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))


def test_a_sound_folder_is_run_by_the_baseline_and_has_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made(tmp_path)
    assert main(["check", str(folder), "--edition", "v2"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].endswith(" checks, 0 with faults") and printed[1:] == ["nothing to do"]


def test_faults_come_with_place_and_fix_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made(tmp_path, ("mock.py", "    feature =", "    raise KeyError('rain')\n    feature ="))
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["check", str(folder), "--quick"]) == 1
    captured = capsys.readouterr()
    assert "to fix:\n  mock.py:10  KeyError: 'rain'; correct mock.py\n1 fault to fix\n" in captured.out
    assert f"next: `mlebench check {folder} --quick` checks again" in captured.err


def test_a_guess_is_to_be_confirmed_with_exit_code_0_and_json_has_it_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made(tmp_path, ("grade.py", "metric=rmse)", "metric=rmse)  # guessed: as the page says"))
    assert main(["check", str(folder), "--quick", "--no-run", "--edition", "v1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {"competition", "folder", "checks", "todo"}
    assert (document["competition"], document["folder"]) == (folder.name, str(folder))
    assert all(set(done) == {"name", "ok", "seconds"} for done in document["checks"])
    (todo,) = document["todo"]
    fix = "confirm the line and remove the comment"
    assert todo == {"what": "guessed: as the page says", "fix": fix, "file": "grade.py", "line": 4, "kind": "guess"}


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("spaceship-titani", "did you mean `spaceship-titanic`?"),
        ("./none", "does not exist; give the folder of a competition, or its id"),
        (".", "has no competition.yaml"),
    ],
)
def test_what_is_no_competition_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], word: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check", word]) == 2
    assert told in capsys.readouterr().err


def test_a_folder_of_the_published_harness_has_one_edition(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "config.yaml").write_text("id: old\n")
    assert main(["check", str(folder), "--edition", "v2"]) == 2
    assert "has only edition v1" in capsys.readouterr().err
    assert main(["check", str(folder), "--json"]) == 1
    assert [todo["file"] for todo in json.loads(capsys.readouterr().out)["todo"]] == ["config.yaml"]
