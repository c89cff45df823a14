"""What there is to be told about each test row, and which rows a file or a table's row is of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from mlebench.preparation.audit.truth import Target, Truth, read_truth
from mlebench.registry.edition import EditionName
from tests.cases import EDITIONS, Cases


def truth(ids: Sequence[str], **more: Sequence[str]) -> Truth:
    perfect = pd.DataFrame({"id": [*ids], "label": "a", **more})
    values = perfect["label"].to_numpy(dtype=object)
    names = ("id", *more)
    return Truth(perfect, perfect, names, (Target("label", "class", values, ("label",)),), frozenset(names))


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("test/b.jpg", [1]),
        ("test.zip!/deep/b.jpg", [1]),
        ("test/b.png", [1]),
        ("test/b/scan.dcm", [1]),
        ("test/b_front.png", [1]),
        ("train/b_front.png", []),
        ("test/bb.jpg", []),
        ("sample_submission.csv", []),
    ],
)
def test_a_file_belongs_to_the_row_that_its_name_or_its_folder_names(path: str, rows: list[int]) -> None:
    assert truth(["a.jpg", "b.jpg", "c.jpg"]).rows_of(path).tolist() == rows


def test_a_unit_is_what_several_ids_begin_with() -> None:
    found = truth(["p1_s1", "p1_s2", "p2_s1"])
    assert {name: rows.tolist() for name, rows in found.units.items()} == {"p1": [0, 1], "p2": [2]}
    assert found.rows_of("test/p1.nii").tolist() == [0, 1]


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("dog-breed-identification", ["class"]),
        ("spooky-author-identification", ["class"]),
        ("spaceship-titanic", ["class"]),
        ("petfinder-pawpularity-score", ["number"]),
        ("stanford-covid-vaccine", ["number"] * 5),
        ("tgs-salt-identification-challenge", ["text"]),
        ("playground-series-s3e18", ["class", "class"]),
        ("research-dyadic-logistic", ["number"]),
    ],
)
def test_what_is_asked_for_is_a_class_a_number_or_a_text(cases: Cases, name: str, kinds: list[str]) -> None:
    assert [target.kind for target in read_truth(cases.prepared(name, "v1")).targets] == kinds


def test_one_hot_columns_are_one_target_that_names_the_column(cases: Cases) -> None:
    found = read_truth(cases.prepared("spooky-author-identification"))
    (target,) = found.targets
    ones = found.perfect[[*target.columns]].astype(float).to_numpy()
    assert target.values.tolist() == np.asarray(target.columns, dtype=object)[ones.argmax(axis=1)].tolist()
    assert target.classes == ("EAP", "HPL", "MWS")


@pytest.mark.parametrize(("name", "edition"), EDITIONS)
def test_every_competition_has_targets_for_all_its_rows(cases: Cases, name: str, edition: EditionName) -> None:
    competition = cases.prepared(name, edition)
    found = read_truth(competition)
    assert found.rows > 0 and found.targets
    assert {len(target.values) for target in found.targets} == {found.rows}
    columns = [column for target in found.targets for column in target.columns]
    assert sorted(columns) == sorted(competition.grader.columns_of(competition.answers_table))
