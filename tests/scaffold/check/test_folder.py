"""What is found in a folder's files before any of its code runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.registry import Registry
from mlebench.scaffold.check import folder as files
from mlebench.scaffold.check.todo import Todo, merged

from .folders import made

THRESHOLDS = "thresholds: {gold: 0.1, silver: 0.2, bronze: 0.3, median: 0.5}"


def only(found: list[Todo]) -> Todo:
    (todo,) = found
    return todo


class TestMarks:
    def test_a_guess_is_to_be_confirmed_with_its_reason(self, tmp_path: Path) -> None:
        folder = made(tmp_path, ("prepare.py", "test_size=0.2)", "test_size=0.2)  # guessed: 400 of 2,000 rows are the test set"))
        todo = only(files.marks(folder))
        assert (todo.kind, todo.what) == ("guess", "guessed: 400 of 2,000 rows are the test set")
        assert todo.place == "prepare.py:8"

    def test_a_reason_of_several_lines_is_one_guess(self, tmp_path: Path) -> None:
        lines = "# guessed: 1,165 rows fall into\n    # 400 groups\n    # guessed: the usual share\n    train, test = "
        folder = made(tmp_path, ("prepare.py", "train, test = ", lines))
        assert [todo.what for todo in files.marks(folder)] == [
            "guessed: 1,165 rows fall into 400 groups",
            "guessed: the usual share",
        ]

    def test_a_todo_is_a_fault_only_where_agents_read_it(self, tmp_path: Path) -> None:
        changes = [("grade.py", "grader =", "# TODO: the metric\ngrader ="), ("description.md", "Predict", "TODO: predict")]
        kinds = {todo.file: todo.kind for todo in files.marks(made(tmp_path, *changes))}
        assert kinds == {"grade.py": "note", "description.md": "fault"}

    def test_links_out_of_the_folder_are_not_followed(self, tmp_path: Path) -> None:
        folder = made(tmp_path)
        (tmp_path / "elsewhere.md").write_text("TODO: secret")
        (folder / "notes.md").symlink_to(tmp_path / "elsewhere.md")
        assert files.marks(folder) == []


class TestFacts:
    def test_a_missing_file_is_found(self, tmp_path: Path) -> None:
        folder = made(tmp_path)
        (folder / "mock.py").unlink()
        assert only(files.code_files(Registry().load(folder))).file == "mock.py"

    def test_an_issue_that_names_no_check_of_the_audit_is_found(self, tmp_path: Path) -> None:
        issue = "- {name: odd, kind: leak, v1: Some leak., v2: None left., found_as: [{check: metadat}]}\n"
        todo = only(files.issues(Registry().load(made(tmp_path, issues_yaml=issue))))
        assert "did you mean `metadata`" in todo.what and todo.place == "issues.yaml:1"

    def test_a_gold_threshold_that_no_score_reaches_is_found(self, tmp_path: Path) -> None:
        folder = made(tmp_path, ("competition.yaml", "gold: 0.1", "gold: -0.1"))
        todo = only(files.thresholds(Registry().load(folder)))
        assert "better than the best score, 0" in todo.what and todo.file == "competition.yaml" and todo.line

    def test_a_folder_without_thresholds_gets_a_note(self, tmp_path: Path) -> None:
        folder = made(tmp_path, ("competition.yaml", THRESHOLDS, ""))
        assert only(files.thresholds(Registry().load(folder))).kind == "note"


class TestLeaderboard:
    @pytest.mark.parametrize(
        ("board", "what", "place"),
        [
            ("name,score\na,0.1\nb,0.3\nc,0.2\n", "not sorted best first for `minimize`", "leaderboard.csv:4"),
            ("name,score\na,0.1\nb,nan\n", "a score of leaderboard.csv is nan", "leaderboard.csv:3"),
            ("name,score\na,-0.1\nb,0.2\n", "-0.1, is better than the best score, 0", "leaderboard.csv:2"),
            ("name,score\na,many\n", "not a leaderboard", "leaderboard.csv"),
            ("name,points\na,1\n", "not a leaderboard", "leaderboard.csv"),
            ("name,score\n", "no rows", "leaderboard.csv"),
            ("name,score\na,0.5\nb,0.6\n", "`thresholds` gives 0.1 for gold, leaderboard.csv", "competition.yaml"),
        ],
    )
    def test_it_is_found(self, tmp_path: Path, board: str, what: str, place: str) -> None:
        todo = only(files.leaderboard(Registry().load(made(tmp_path, leaderboard_csv=board))))
        assert what in todo.what and todo.place.startswith(place)

    def test_a_sound_one_is_none(self, tmp_path: Path) -> None:
        folder = made(tmp_path, ("competition.yaml", THRESHOLDS, ""), leaderboard_csv="name,score\na,0.1\nb,0.2\n")
        assert files.leaderboard(Registry().load(folder)) == []


def test_what_two_editions_share_is_said_once() -> None:
    both, one = Todo("a", "b"), Todo("c", "d")
    found = merged([("v1", both), ("v2", both), ("v2", one), ("", Todo("e", "f"))], ["v1", "v2"])
    assert [todo.what for todo in found] == ["a", "c (edition v2)", "e"]
