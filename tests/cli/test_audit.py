"""`mlebench audit` lists leaks, what each is worth and whether it is declared; its exit code says whether all are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from mlebench._support.steps import Step
from mlebench.cli.main import main
from mlebench.preparation.audit.audit import AuditOptions, audit
from mlebench.registry import Registry
from tests.cases import Cases
from tests.sound_steps import assert_sound

ID = "spaceship-titanic"
ROWS = 600
"""Of the raw data: fewer test rows leave room for chance."""


@pytest.fixture
def data(cases: Cases, tmp_path: Path) -> Path:
    """A data directory of the test's own with one competition prepared in v2."""
    prepared = cases.prepared(ID, "v2", ROWS).prepared_dir
    shutil.copytree(prepared, tmp_path / "data" / ID / prepared.name)
    return tmp_path / "data"


def leak(data: Path) -> None:
    """Write a column into the test table that is the answers under other names."""
    competition = Registry(data).set_edition("v2").get_competition(ID)
    table = pd.read_csv(competition.public_dir / "test.csv", dtype=str, keep_default_na=False)
    answers = pd.read_csv(competition.answers, dtype=str).set_index("PassengerId")["Transported"]
    codes = {"True": "q", "False": "v"}
    table["Boarding"] = [codes[answers[passenger]] for passenger in table["PassengerId"]]
    table.to_csv(competition.public_dir / "test.csv", index=False)


def test_checks_are_counted(data: Path) -> None:
    steps: list[Step] = []
    options = AuditOptions(["metadata", "answer-cells", "cell-form"])
    audit(Registry(data).set_edition("v2").get_competition(ID), options, steps.append)
    assert_sound(steps, phases=["auditing"])
    assert {"metadata", "answer-cells", "cell-form"} <= {step.subject for step in steps}


def test_data_without_leaks_is_no_failure(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", ID, "--data-dir", str(data)]) == 0
    assert capsys.readouterr().out.endswith("1 audit: 0 findings, 0 of them undeclared\n")


def test_a_leak_is_told_with_the_score_that_it_buys(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leak(data)
    assert main(["audit", ID, "--data-dir", str(data), "--json"]) == 1
    (audit,) = json.loads(capsys.readouterr().out)["audits"]
    found = next(finding for finding in audit["findings"] if finding["check"] == "answer-cells")
    assert found["file"] == "test.csv" and found["declared"] is None
    assert found["rows"] == audit["test_rows"] and found["share"] == 1
    assert found["score"] == 1 > found["baseline"] and found["medal"] == "gold"


def test_a_column_that_is_the_answers_is_told_once(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It predicts them as well, and is not described."""
    leak(data)
    main(["audit", ID, "--data-dir", str(data), "--json"])
    (audit,) = json.loads(capsys.readouterr().out)["audits"]
    assert sorted(finding["check"] for finding in audit["findings"]) == ["answer-cells", "undescribed-columns"]


def test_a_leak_that_an_issue_declares_is_no_failure(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    leak(data)
    mine = shutil.copytree(Registry().get_competitions_dir() / ID, tmp_path / "mine" / ID)
    with (mine / "issues.yaml").open("a", encoding="utf-8") as issues:
        known = "".join(f"    - {{check: {name}, file: '*.csv'}}\n" for name in ("answer-cells", "undescribed-columns"))
        issues.write(f"- name: boarding-tells\n  kind: leak\n  v1: It tells.\n  v2: It stays.\n  found_as:\n{known}")
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path / "mine"))

    assert main(["audit", ID, "--data-dir", str(data), "--json"]) == 0

    (audit,) = json.loads(capsys.readouterr().out)["audits"]
    assert {finding["declared"] for finding in audit["findings"]} == {"boarding-tells"}


def test_only_the_checks_asked_for_are_run(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leak(data)
    assert main(["audit", ID, "--data-dir", str(data), "--check", "order", "--json"]) == 0
    (audit,) = json.loads(capsys.readouterr().out)["audits"]
    assert audit["checks"] == ["order"] and audit["findings"] == []


def test_an_unknown_check_is_refused_with_those_that_there_are(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", ID, "--data-dir", str(data), "--check", "ordr"]) == 2
    assert capsys.readouterr().err.startswith("mlebench audit: unknown check `ordr`; did you mean `")


def test_what_is_not_prepared_is_told_with_the_command_that_prepares_it(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", ID, "--edition", "v1", "--data-dir", str(data), "--quiet"]) == 2
    said = capsys.readouterr().err
    assert said == (f"mlebench audit: {ID} is not prepared in {data}; `mlebench prepare {ID} --data-dir {data}` prepares it\n")


def test_of_a_split_what_is_not_prepared_is_left_out(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = data / "names.txt"
    names.write_text(f"{ID}\nleaf-classification\n")
    assert main(["audit", "--list", str(names), "--data-dir", str(data), "--json", "--quiet"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [audit["competition"] for audit in said["audits"]] == [ID]
    assert len(said["not_prepared"]) == 1 and said["not_prepared"][0].startswith("leaf-classification is not prepared")
