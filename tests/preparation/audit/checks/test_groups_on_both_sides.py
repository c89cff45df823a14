"""Patients, speakers, games: wholes whose parts are in train and in test, told from columns and ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.groups_on_both_sides import groups_on_both_sides
from mlebench.preparation.audit.likeness.groups import counts_things
from tests.preparation.audit.checks.planted import case_of, clues, told

ROWS = 600


def table(rng: np.random.Generator, groups: int, agreement: float) -> pd.DataFrame:
    """Rows of groups whose answers agree so far."""
    group = rng.integers(0, groups, ROWS)
    own, other = rng.integers(0, 2, groups)[group], rng.integers(0, 2, ROWS)
    label = np.where(rng.random(ROWS) < agreement, own, other)
    return pd.DataFrame({"group": [f"g{number:03}x" for number in group], "size": rng.normal(size=ROWS).round(3), "label": label})


def split(public: Path, rows: pd.DataFrame, test: np.ndarray) -> Case:
    rows = rows if "id" in rows else rows.assign(id=[f"r{row}" for row in range(len(rows))])
    rows[~test].to_csv(public / "train.csv", index=False)
    rows[test].drop(columns="label").to_csv(public / "test.csv", index=False)
    return case_of(public, rows[test][["id", "label"]].reset_index(drop=True))


def at_random(rng: np.random.Generator) -> np.ndarray:
    return rng.random(ROWS) < 0.3


@pytest.mark.parametrize(
    "column", ["patient_id", "Subject", "speakerID", "scene", "location", "device_id", "sessionId", "thing_id"]
)
def test_groups_that_tell_answers_are_found_and_what_they_tell(tmp_path: Path, column: str) -> None:
    rng = np.random.default_rng(0)
    rows = table(rng, 80, 0.9).rename(columns={"group": column})
    case = split(tmp_path, rows, at_random(rng))

    (clue,) = clues(groups_on_both_sides, case)

    values = told(clue, case)
    answers = dict(zip(case.truth.perfect["id"], case.truth.perfect["label"], strict=True))
    assert clue.file == "test.csv" and clue.rows == len(values) > 150
    assert np.mean([answers[name] == value for name, value in values.items()]) > 0.85


def test_persons_count_by_their_name_even_among_few_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = table(rng, 6, 0).rename(columns={"group": "patient_id"}).head(40)
    assert len(clues(groups_on_both_sides, split(tmp_path, rows, np.arange(40) % 4 == 0))) == 1


def test_groups_kept_on_one_side_are_none(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = table(rng, 80, 0.9).rename(columns={"group": "patient_id"})
    assert clues(groups_on_both_sides, split(tmp_path, rows, (rows["patient_id"] < "g024").to_numpy())) == []


@pytest.mark.parametrize("column", ["location", "device_id", "scene"])
def test_groups_that_tell_nothing_are_no_leak(tmp_path: Path, column: str) -> None:
    rng = np.random.default_rng(0)
    rows = table(rng, 150, 0).rename(columns={"group": column})
    assert clues(groups_on_both_sides, split(tmp_path, rows, at_random(rng))) == []


@pytest.mark.parametrize(
    ("column", "cells", "counts"),
    [
        ("rooms", ["1", "4", "", "9"], True),
        ("number_of_passengers", ["2.0", "nan"], True),
        ("rooms", [str(number) for number in range(30)], False),
        ("rooms", ["1", "1204"], False),
        ("rooms", ["kitchen", "1"], False),
        ("room", ["1", "4"], False),
        ("patients_id", ["1", "4"], False),
        ("years", ["1", "4"], False),
    ],
)
def test_a_few_small_numbers_under_a_plural_count_things(column: str, cells: list[str], counts: bool) -> None:
    assert counts_things(column, np.array(cells, dtype=object)) is counts


@pytest.mark.parametrize("column", ["sex", "colour", "year", "store", "patient_age", "passenger_count"])
def test_kinds_and_measures_are_no_groups(tmp_path: Path, column: str) -> None:
    rng = np.random.default_rng(0)
    rows = table(rng, 7, 0.9).rename(columns={"group": column})
    assert clues(groups_on_both_sides, split(tmp_path, rows, at_random(rng))) == []


@pytest.mark.parametrize("form", ["{group}_{row}", "{group}-{row:04}", "{group}.{row}"])
def test_groups_are_read_from_ids(tmp_path: Path, form: str) -> None:
    rng = np.random.default_rng(0)
    rows = table(rng, 80, 0.9)
    rows["id"] = [form.format(group=group, row=row) for row, group in enumerate(rows.pop("group"))]
    (clue,) = clues(groups_on_both_sides, split(tmp_path, rows, at_random(rng)))
    assert clue.rows is not None and clue.rows > 150


def test_dates_and_numbering_are_no_groups(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = table(rng, 80, 0).drop(columns="group")
    rows["id"] = [f"{2009 + row % 7}-0{1 + row % 9}-{row:06}" for row in range(ROWS)]
    assert clues(groups_on_both_sides, split(tmp_path, rows, at_random(rng))) == []


def test_sentences_numbered_anew_on_each_side_are_no_groups(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = table(rng, 80, 0).drop(columns="group")
    test = np.arange(ROWS) >= 400
    rows["sentence_id"] = np.where(test, (np.arange(ROWS) - 400) // 10, np.arange(ROWS) // 10)
    assert clues(groups_on_both_sides, split(tmp_path, rows, test)) == []


def test_a_table_of_both_sides_tells_their_groups(tmp_path: Path) -> None:
    """As where each image's donor stands in one list."""
    ids = [f"img{row:02}" for row in range(20)]
    pd.DataFrame({"id": ids, "donor": [f"d{row % 6}" for row in range(20)], "area": np.arange(20) * 1.5}).to_csv(
        tmp_path / "information.csv", index=False
    )
    pd.DataFrame({"id": ids[5:], "label": np.arange(15) % 2}).to_csv(tmp_path / "train.csv", index=False)
    case = case_of(tmp_path, pd.DataFrame({"id": ids[:5], "label": [0, 1, 0, 1, 1]}))
    (clue,) = clues(groups_on_both_sides, case)
    assert (clue.file, clue.rows) == ("information.csv", 5)


def test_folders_of_files_are_groups(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = table(rng, 60, 0.9)
    test = at_random(rng)
    for row, (group, held_out) in enumerate(zip(rows["group"], test, strict=True)):
        folder = tmp_path / ("test" if held_out else "train") / group
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"r{row}.png").write_bytes(rng.bytes(80))
    rows = rows.drop(columns="group").assign(id=[f"r{row}" for row in range(ROWS)])
    rows[~test][["id", "label"]].to_csv(tmp_path / "train.csv", index=False)
    case = case_of(tmp_path, rows[test][["id", "label"]].reset_index(drop=True))
    (clue,) = clues(groups_on_both_sides, case)
    assert clue.rows is not None and clue.rows > 150
    assert "the folder" in clue.what


def test_names_that_files_of_all_units_have_are_no_groups(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    units = [f"case{row}" for row in range(40)]
    for row, unit in enumerate(units):
        for place in range(12):
            folder = tmp_path / ("test" if row >= 28 else "train") / unit
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"slice_{place:02}_266.png").write_bytes(rng.bytes(80))
    label = np.arange(40) % 2
    pd.DataFrame({"id": units[:28], "label": label[:28]}).to_csv(tmp_path / "train.csv", index=False)
    case = case_of(tmp_path, pd.DataFrame({"id": units[28:], "label": label[28:]}))
    assert clues(groups_on_both_sides, case) == []


def test_the_very_same_angle_is_a_group_where_it_tells_answers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = table(rng, 150, 0.9).rename(columns={"group": "inc_angle"})
    rows["inc_angle"] = (rows["inc_angle"].str[1:4].astype(int) * 0.0613 + 30).round(4)
    (clue,) = clues(groups_on_both_sides, split(tmp_path, rows, at_random(rng)))
    assert "inc_angle" in clue.what
