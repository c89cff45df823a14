"""An author who missed the name of the submission is told what there is instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.runs.missing_submission import what_is_there


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ((), "submission/ is empty; write $SUBMISSION_DIR/submission.csv"),
        (("submission/submission.csv.gz",), "submission/ holds submission.csv.gz; write it unpacked, as submission.csv"),
        (("submission/Submission.csv.ZIP",), "submission/ holds Submission.csv.ZIP; write it unpacked, as submission.csv"),
        (("submission/Submission.CSV",), "submission/ holds Submission.CSV; name the file submission.csv, in lower case"),
        (
            ("submission/out/submission.csv", "submission/a.txt"),
            "submission/ holds out/submission.csv, a.txt, but no submission.csv; write a csv file of that name directly into it",
        ),
        (
            ("submission/submission.parquet",),
            "submission/ holds submission.parquet, but no submission.csv; write a csv file of that name directly into it",
        ),
        (("submission/submission.csv/x",), "submission/submission.csv is a folder; write the csv file itself under that name"),
        (
            ("code/submission.csv",),
            "submission/ is empty, and code/ holds submission.csv; write it to $SUBMISSION_DIR/submission.csv",
        ),
        (("submission/a\x1b[31m\udcff",), r"a\x1b[31m\udcff"),
    ],
    ids=str,
)
def test_what_lies_there_instead_is_named(tmp_path: Path, files: tuple[str, ...], said: str) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("id,y\n")
    clause = what_is_there(tmp_path)
    assert said in clause
    assert str(tmp_path) not in clause
    clause.encode()


def test_what_was_left_out_is_named(tmp_path: Path) -> None:
    assert what_is_there(tmp_path, {"submission/submission.csv": "a link"}) == (
        "submission/submission.csv was left out (a link); write a plain file of that name"
    )
    assert (
        what_is_there(tmp_path, {"submission/out": "a pipe"}) == "submission/ is empty, as submission/out was left out (a pipe)"
    )


def test_a_flood_of_files_is_not_gone_through(tmp_path: Path) -> None:
    (tmp_path / "submission").mkdir()
    for number in range(3000):
        (tmp_path / "submission" / f"{number}").touch()
    assert "and 1997 more, but no submission.csv" in what_is_there(tmp_path)
