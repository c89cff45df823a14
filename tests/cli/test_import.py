"""`mlebench import`: what it makes, what it says, and how it ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mlebench.cli.main import main
from tests.exports.imported.conftest import Job, job, toys

__all__ = ["job", "toys"]


def test_a_job_becomes_a_group(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    job.trial()
    assert main(["import", "harbor-job", str(job.folder)]) == 0
    folder = job.folder.parent / "runs" / "job"
    assert capsys.readouterr().out == f"{folder}: 1 run of claude-code, 1 with a result\n"
    assert main(["import", "harbor-job", str(job.folder)]) == 2
    assert "imported already, in job" in capsys.readouterr().err


def test_a_copy_of_a_job_beside_it_is_no_second_result(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    job.trial()
    copy = shutil.copytree(job.folder, job.folder.parent / "copy")
    assert main(["import", "harbor-job", str(job.folder), str(copy)]) == 1
    shown = capsys.readouterr()
    assert "is left out: it is a copy of another one" in shown.err and shown.out.count("1 run of claude-code") == 1
    assert [path.name for path in (job.folder.parent / "runs").iterdir()] == ["job"]


def test_one_document(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    job.trial()
    job.trial(task_name="other")
    assert main(["import", "harbor-job", str(job.folder), "--name", "mine", "--json"]) == 1
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert document["groups"] == [
        {
            "group": "mine", "folder": str(job.folder.parent / "runs" / "mine"), "agent": "claude-code", "runs": 1, "results": 1,
            "graded_here": 0, "notes": [], "differences": [],
        }
    ]  # fmt: skip
    assert len(document["problems"]) == 1
    assert shown.err.startswith("mlebench import: bronze__0000002 is left out: its task other is not a known competition")


def test_what_differs_when_it_is_graded_here_ends_with_1(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    job.trial(submission="id,y\na,0\nb,2\n")
    assert main(["import", "harbor-job", str(job.folder), "--regrade"]) == 1
    assert "its result here differs from the stated one: score 1.0 → 0.0" in capsys.readouterr().err
    assert main(["report", str(job.folder.parent / "runs" / "job")]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["import"], "`SOURCE` is missing"),
        (["import", "harbor-jobs", "x"], "unknown source `harbor-jobs`; did you mean `harbor-job`?"),
        (["import", "harbor-job"], "`DIR` is missing"),
        (["import", "harbor-job", "nowhere"], "cannot read nowhere"),
        (["import", "harbor-job", "empty", "--name", "../x"], "contains no trial of a Harbor job"),
    ],
)
def test_wrong_usage_is_one_sentence(toys: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    (toys / "empty").mkdir()
    assert main(words) == 2
    shown = capsys.readouterr().err
    assert said in shown and shown.count("\n") == 1


def test_a_name_that_leads_elsewhere_is_refused(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    job.trial()
    assert main(["import", "harbor-job", str(job.folder), "--name", "../elsewhere"]) == 2
    assert "is not a valid run group name" in capsys.readouterr().err
    assert not (job.folder.parent / "elsewhere").exists() and list((job.folder.parent / "runs").iterdir()) == []
