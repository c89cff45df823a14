"""What becomes of a result that left this harness as a task of another one and came back by `mlebench import`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.grade import grade_csv
from mlebench.registry import Competition
from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord

OF_ITS_TIME_AND_PLACE = {"created_at", "submission_path", "submission_sha256", "seed", "run_id"}


def imported(capsys: pytest.CaptureFixture[str], *words: object) -> list[Group]:
    """The groups that `mlebench import` makes; runs may be left out."""
    capsys.readouterr()
    assert main(["import", *map(str, words), "--json"]) in (0, 1)
    return [Group.open(Path(made["folder"])) for made in json.loads(capsys.readouterr().out)["groups"]]


def same_as_here(record: RunRecord, submission: Path, competition: Competition) -> None:
    """The result is that of grading the file here."""
    (report,) = (each.to_dict() for each in (record.graded,) if each is not None)
    here = grade_csv(submission, competition).to_dict()
    assert {key: report[key] for key in here.keys() - OF_ITS_TIME_AND_PLACE} == {
        key: here[key] for key in here.keys() - OF_ITS_TIME_AND_PLACE
    }


def held_everywhere(group: Group, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Reports, bundles and boards take the group, and what is bundled verifies."""
    (folder / "bundles").mkdir()
    bundle = str(folder / "bundles" / "results.mlebench.zip")
    assert main(["bundle", str(group.folder), "-o", bundle, "--quiet"]) == 0
    assert main(["verify", bundle, "--quiet"]) == 0
    site = folder / "site"
    assert main(["board", str(folder / "bundles"), "-o", str(site), "--rules", "none", "--strict", "--quiet"]) == 0
    assert group.plan.agent.id in (site / "index.html").read_text()
    capsys.readouterr()
    assert main(["report", str(group.folder), "--json"]) == 0
    assert group.name in capsys.readouterr().out
