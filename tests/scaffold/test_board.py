"""Boards of reference methods, and a private table of patients from raw data to medals: no patient is on both sides."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mlebench.errors import NotPrepared, WorkFailed
from mlebench.preparation import prepare
from mlebench.preparation.audit.audit import AuditOptions, audit
from mlebench.registry import Competition, Registry
from mlebench.registry.edition import EditionName
from mlebench.scaffold import board
from mlebench.scaffold.board import Reference, reference_board, write_board
from mlebench.scaffold.draft.bonds import find_bonds

NAME = "private-patients"
FACTS = """\
id: private-patients
version: 1
title: Patients
split: own
modality: tabular
task: binary classification
metric: {name: ROC AUC, direction: maximize, best: 1.0}
files:
  answers: private/test.csv
  sample_submission: public/sample_submission.csv
  public: [sample_submission.csv, test.csv, train.csv]
  private: [test.csv]
"""
PREPARE = """\
from mlebench.data import read_csv, write_csv


def prepare(raw, public, private, edition):
    visits = read_csv(raw / "visits.csv")
    train, test = edition.split(visits, test_size=0.25, groups=visits[{column!r}])
    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns="ill"), public / "test.csv")
    write_csv(test[["visit", "ill"]], private / "test.csv")
    write_csv(test[["visit"]].assign(ill=0.5), public / "sample_submission.csv")
"""
GRADE = """\
from grading import Grader, Probability
from grading.metrics.classification import roc_auc

grader = Grader(id="visit", columns={"ill": Probability()}, metric=roc_auc)
"""
TEXT = """\
# Patients

Predict the probability `ill` for each `visit` in `test.csv` from `patient`, `site`, `age` and `blood`.
`train.csv` has the answers.
Submissions look like `sample_submission.csv`. The metric is ROC AUC.
"""


def patients(visits: int = 480, seed: int = 0) -> pd.DataFrame:
    """Several visits of each patient; being ill is a trait of the patient."""
    rng = np.random.default_rng(seed)
    patient = np.sort(rng.integers(0, visits // 6, visits))
    count = visits // 6
    ill, site = rng.random(count) < 0.4, rng.integers(0, 4, count)
    trait = rng.normal(size=count) + 0.9 * ill
    return pd.DataFrame(
        {
            "visit": [f"v{number:05}" for number in rng.permutation(visits)],
            "patient": [f"P-{number:04}" for number in patient],
            "site": np.array(["north", "south", "east", "west"])[site[patient]],
            "age": rng.integers(20, 90, count)[patient],
            "blood": (trait[patient] + 0.5 * rng.normal(size=visits)).round(4),
            "ill": ill[patient].astype(int),
        }
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A competition of one's own without thresholds, split by the bond that is found, and its raw data in `raw`."""
    raw = tmp_path / "raw"
    raw.mkdir()
    visits = patients()
    visits.to_csv(raw / "visits.csv", index=False)
    (bond,) = find_bonds(visits, None, ids=["visit"], targets=["ill"])
    home = tmp_path / "competitions" / NAME
    home.mkdir(parents=True)
    (home / "competition.yaml").write_text(FACTS)
    (home / "prepare.py").write_text(PREPARE.format(column=bond.column))
    (home / "grade.py").write_text(GRADE)
    for name in ("description.md", "description_obfuscated.md"):
        (home / name).write_text(TEXT)
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(home.parent))
    return home


def prepared(folder: Path, data: str, edition: EditionName = "v1", key: str | None = None) -> Competition:
    home = folder.parent.parent
    competition = Registry(home / data, edition, key).get_competition(NAME)
    prepare(competition, home / "raw")
    return competition


def test_no_patient_is_on_both_sides_and_a_key_of_ones_own_changes_the_test_set_alone(folder: Path) -> None:
    tests = {}
    for name, edition, key in (
        ("v1", "v1", None),
        ("v2", "v2", None),
        ("own", "v2", "our own secret"),
        ("v1-own", "v1", "secret"),
    ):
        competition = prepared(folder, name, edition, key)  # type: ignore[arg-type]
        train, test = (pd.read_csv(competition.public_dir / f"{part}.csv") for part in ("train", "test"))
        assert {*train["patient"]}.isdisjoint(test["patient"])
        assert len(train) + len(test) == 480 and 80 < len(test) < 180
        assert [*train.columns] == [*patients().columns] and [*test.columns] == [*train.columns.drop("ill")]
        tests[name] = {*test["patient"]}
        assert (competition.public_dir / "description.md").read_text() == TEXT
    assert tests["own"] != tests["v2"] and tests["v1"] == tests["v1-own"]


def test_the_audit_finds_nothing_in_data_split_by_the_bonds_and_the_patients_otherwise(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert audit(prepared(folder, "whole"), AuditOptions(checks=["groups-on-both-sides"])).findings == []
    elsewhere = folder.parent.parent / "elsewhere" / NAME
    shutil.copytree(folder, elsewhere)
    (elsewhere / "prepare.py").write_text(PREPARE.format(column="visit"))
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(elsewhere.parent))
    (finding,) = audit(prepared(folder, "parted"), AuditOptions(checks=["groups-on-both-sides"])).findings
    assert "groups of patient" in finding.what


def test_reference_methods_make_a_board_on_which_medals_are_earned(folder: Path) -> None:
    competition = prepared(folder, "data")
    left_out: dict[str, str] = {}
    rows = reference_board(competition, left_out=left_out.__setitem__)
    scores = {row.name: row.score for row in rows}
    assert len(rows) >= 10 and [*scores.values()] == sorted(scores.values(), reverse=True)
    assert scores["sample submission"] == 0.5 < scores["linear model"] - 0.1
    assert "submits the same as" not in left_out.get("linear model", "") and all(left_out.values())
    assert reference_board(competition) == rows

    path = write_board(rows, folder)

    assert path == folder / "leaderboard.csv" and path.read_text().startswith("name,score\n")
    thresholds = Registry(competition.data_dir.parent).get_competition(NAME).thresholds
    assert thresholds is not None and thresholds.gold == rows[0].score > thresholds.bronze > 0.5
    assert thresholds.medal(scores["sample submission"]) is None and thresholds.medal(rows[0].score) == "gold"


LAZY = """\
import json, os, shutil, sys
out, data = sys.argv[1].removeprefix("out="), os.environ["DATA_DIR"]
names = {str(number): f"method {number}" for number in range(6)}
for number in names:
    sample = open(f"{data}/sample_submission.csv").read()
    open(f"{out}/{number}.csv", "w").write(sample.replace("0.5", f"0.{number}5"))
open(f"{out}/listed.json", "w").write(json.dumps({"submitted": names, "left_out": {"linear model": "no\\x1b[31m luck"}}))
"""


def other_methods(folder: Path, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make another program the one that fits reference methods."""
    agent = folder.parent.parent / "agent"
    (agent / "baseline").mkdir(parents=True)
    (agent / "baseline" / "reference.py").write_text(program)
    monkeypatch.setattr(board, "get_agent", lambda name: SimpleNamespace(directory=agent))


def test_methods_that_know_nothing_make_no_board(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other_methods(folder, LAZY, monkeypatch)
    left_out: dict[str, str] = {}
    with pytest.raises(WorkFailed, match="the scores of 6 reference methods are too alike for medals; write `leaderboard"):
        reference_board(prepared(folder, "data"), left_out=left_out.__setitem__)
    assert "\x1b" not in left_out["linear model"]


def test_a_program_that_fails_is_said_in_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other_methods(folder, "raise ValueError('odd data')", monkeypatch)
    with pytest.raises(WorkFailed, match="private-patients: the reference methods failed: ValueError: odd data"):
        reference_board(prepared(folder, "data"))


def test_a_competition_must_be_prepared(folder: Path) -> None:
    with pytest.raises(NotPrepared, match="mlebench prepare private-patients"):
        reference_board(Registry(folder / "nowhere").get_competition(NAME))


def test_methods_that_take_too_long_are_ended(folder: Path) -> None:
    with pytest.raises(WorkFailed, match="not done after 0 s"):
        reference_board(prepared(folder, "data"), seconds=0.01)


def test_names_with_commas_are_quoted(tmp_path: Path) -> None:
    write_board([Reference("forest, 100 trees", 0.75), Reference('"', 0.5)], tmp_path)
    assert [*pd.read_csv(tmp_path / "leaderboard.csv")["name"]] == ["forest, 100 trees", '"']
