"""Known issues lie in a file of their own, which only those who ask for them open."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlebench._support.paths import content_dir
from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.registry import SPLITS, Registry, issues
from mlebench.registry.facts import load_facts
from mlebench.registry.issues import load_issues

NAME = "spaceship-titanic"
IDS = [name for split in SPLITS if split != "all" for name in Registry().list_competition_ids(split)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(content_dir("competitions") / NAME, tmp_path / NAME))


def test_every_file_of_issues_is_valid_and_names_each_issue_once() -> None:
    known = {name: Registry().get_competition(name).issues for name in IDS}
    for name, found in known.items():
        names = [issue.name for issue in found]
        assert len(names) == len(set(names)), name
    with_file = {path.parent.name for path in content_dir("competitions").glob("*/issues.yaml")}
    assert {name for name, found in known.items() if found} == with_file


def test_only_info_and_reports_open_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(issues, "load_issues", lambda path: opened.append(path) or ())
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path))
    sample = tmp_path / NAME / "prepared" / "public" / "sample_submission.csv"
    for words in (["list"], ["prepare", NAME, "--mock"], ["status"], ["grade-sample", str(sample), NAME]):
        assert main(words) == 0
    assert opened == []
    assert main(["info", NAME]) == 0
    assert opened == [content_dir("competitions") / NAME / "issues.yaml"]


def test_a_competition_reads_them_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(issues, "load_issues", lambda path: opened.append(path) or ())
    competition = Registry().get_competition(NAME)
    assert competition.issues == competition.issues == ()
    assert len(opened) == 1


def test_a_folder_without_the_file_has_none(folder: Path) -> None:
    (folder / "issues.yaml").unlink()
    assert Registry().load(folder).issues == ()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "`the whole file`: expected a valid list"),
        ("- {name: a, kind: leak, v1: x}", "`0.v2` is missing"),
        ("- {name: a, kind: hole, v1: x, v2: y}", "`0.kind`: expected 'leak', 'fault' or 'note'"),
        ("- {name: a, kind: leak, v1: x, v2: y, exposes: [/etc/passwd]}", "`0.exposes.0`"),
        ("- [", "is not valid YAML"),
    ],
)
def test_a_faulty_file_is_named_in_one_sentence(folder: Path, content: str, expected: str) -> None:
    (folder / "issues.yaml").write_text(content)
    with pytest.raises(UsageError) as caught:
        load_issues(folder / "issues.yaml")
    assert str(folder / "issues.yaml") in str(caught.value)
    assert expected in str(caught.value)


def test_issues_among_the_facts_are_sent_to_their_own_file(folder: Path) -> None:
    path = folder / "competition.yaml"
    path.write_text(path.read_text() + "issues: []\n")
    with pytest.raises(UsageError, match=r"move the list to .*issues.yaml"):
        load_facts(path)
