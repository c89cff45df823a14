"""A pointer of Git LFS is refused with the command that gets the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench._support.git_lfs import refuse_pointer
from mlebench.errors import UsageError
from mlebench.reports.report_file import read_report_file

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def test_a_pointer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "board.csv").write_text(POINTER)
    with pytest.raises(UsageError, match=r"board\.csv is a Git LFS pointer.*`git lfs pull`"):
        refuse_pointer(tmp_path / "board.csv")


def test_other_files_and_missing_ones_pass(tmp_path: Path) -> None:
    (tmp_path / "board.csv").write_text("score\n1\n")
    refuse_pointer(tmp_path / "board.csv")
    refuse_pointer(tmp_path / "missing.csv")


def test_a_report_that_was_not_fetched_says_so(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(POINTER)
    with pytest.raises(UsageError, match="Git LFS pointer"):
        read_report_file(tmp_path / "report.json")
