"""Which rows a split keeps together: patients, sites, games, parts of ids, copies, times; and what is an ordinary category."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mlebench.scaffold.draft.bonds import find_bonds, groups_of

ROWS = 600


def grouped(groups: int, agreement: float = 0.9, rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    """Rows with an id and measurements, of groups whose labels agree so far."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, groups, rows)
    own, other = rng.integers(0, 2, groups)[group], rng.integers(0, 2, rows)
    return pd.DataFrame(
        {
            "id": [f"r{zlib.crc32(str(row).encode()):08x}" for row in range(rows)],
            "group": [f"g{number:03}x" for number in group],
            "size": rng.normal(size=rows),
            "label": np.where(rng.random(rows) < agreement, own, other),
        }
    )


def bonds_of(train: pd.DataFrame, test: pd.DataFrame | None = None, ids: tuple[str, ...] = ("id",)) -> list[tuple[str, str]]:
    return [(bond.kind, bond.column) for bond in find_bonds(train, test, ids=ids, targets=["label"])]


@pytest.mark.parametrize("column", ["patient_id", "Subject", "speakerID", "location", "camera", "game_id", "household"])
def test_wholes_whose_rows_agree_are_groups(column: str) -> None:
    assert bonds_of(grouped(80).rename(columns={"group": column})) == [("group", column)]


@pytest.mark.parametrize("column", ["patient_id", "author", "speaker", "sentence_id"])
def test_persons_and_whole_texts_are_groups_whatever_their_labels_are(column: str) -> None:
    assert bonds_of(grouped(80, agreement=0).rename(columns={"group": column})) == [("group", column)]


def test_a_column_of_codes_is_a_group_if_its_rows_agree_far_above_chance_and_none_is_if_they_do_not() -> None:
    assert bonds_of(grouped(80)) == [("group", "group")]
    assert bonds_of(grouped(80, agreement=0)) == []


@pytest.mark.parametrize("column", ["sex", "city", "colour", "cover_type", "patient_age", "passenger_count"])
def test_categories_and_measures_are_no_groups(column: str) -> None:
    rows = grouped(5).rename(columns={"group": column})
    rows[column] = rows[column].str.slice(1, 4).astype(int)
    assert bonds_of(rows) == []


@pytest.mark.parametrize(("column", "bonds"), [("rooms", []), ("room_id", [("group", "room_id")])])
def test_how_many_rooms_there_are_binds_no_rows_and_which_room_it_is_does(column: str, bonds: list[tuple[str, str]]) -> None:
    rows, rng = grouped(12), np.random.default_rng(0)
    rows[column] = rng.integers(1, 10, len(rows))
    rows["label"] = (rows[column] * 1000 + rng.normal(size=len(rows))).round(3)
    assert bonds_of(rows.drop(columns="group")) == bonds


def test_names_of_many_kinds_are_no_groups_where_kaggles_test_has_the_same() -> None:
    rows = grouped(60)
    rows["model"] = "type " + rows["group"]
    rows = rows.drop(columns="group")
    assert bonds_of(rows.iloc[:400], rows.iloc[400:].drop(columns="label")) == []


def test_groups_that_are_all_new_in_kaggles_test_are_groups_whatever_they_are_called() -> None:
    rows = grouped(60, agreement=0).rename(columns={"group": "thing"})
    new = rows["thing"] < "g020"
    assert bonds_of(rows[~new], rows[new].drop(columns="label")) == [("group", "thing")]
    (bond,) = find_bonds(rows[~new], rows[new], ids=["id"], targets=["label"])
    assert bond.why.startswith("none of the 20 values of `thing` in the unlabelled table is among the 40 values")


@pytest.mark.parametrize(("form", "separator"), [("{group}_{row:02}", "_"), ("{group}-scan{row}", "-"), ("a/{group}/{row}", "/")])
def test_the_part_of_an_id_that_several_rows_share_is_a_group(form: str, separator: str) -> None:
    rows = grouped(80, agreement=0)
    rows["id"] = [form.format(group=group, row=row) for row, group in enumerate(rows["group"])]
    (bond,) = find_bonds(rows.drop(columns="group"), None, ids=["id"], targets=["label"])
    assert (bond.kind, bond.column, bond.separator, bond.part) == (
        "group",
        "id",
        separator,
        form.split(separator).index("{group}"),
    )
    assert _same_groups(groups_of(rows, [bond]), rows["group"])


def test_ids_of_several_forms_fall_into_sets() -> None:
    rows = grouped(80, agreement=0)
    forms = ("{}_{:04}_1", "{}-{:04}")
    rows["id"] = [forms[int(group[1:4]) % 2].format(group, row) for row, group in enumerate(rows["group"])]
    (bond,) = find_bonds(rows.drop(columns="group"), None, ids=["id"], targets=["label"])
    assert bond.column == "id" and bond.sets
    assert _same_groups(groups_of(rows, [bond]), rows["group"])


def test_an_id_that_several_rows_have_is_a_group() -> None:
    rows = grouped(200, agreement=0)
    assert bonds_of(rows.drop(columns="id").rename(columns={"group": "key"}), ids=("key",)) == [("group", "key")]


def test_ids_that_name_the_class_are_no_groups() -> None:
    """A split by them would leave classes that nobody has seen."""
    rows = grouped(80)
    rows = rows.assign(label=rows["group"], id=rows["group"] + "_" + rows.index.astype(str)).drop(columns="group")
    assert bonds_of(rows) == []


@pytest.mark.parametrize("id_of", [lambda row: f"train_{row}", lambda row: f"2019-03-{row % 28 + 1:02}-{row}", lambda row: row])
def test_ids_that_are_counters_and_dates_are_no_groups(id_of: object) -> None:
    rows = grouped(80, agreement=0).drop(columns="group")
    assert bonds_of(rows.assign(id=[id_of(row) for row in range(ROWS)])) == []  # type: ignore[operator]


def test_steps_of_a_course_belong_together() -> None:
    rng = np.random.default_rng(0)
    breath, step = np.divmod(np.arange(ROWS), 20)
    rows = pd.DataFrame({"id": np.arange(ROWS), "breath": breath * 7 + 3, "step": step, "r": rng.integers(1, 4, 30)[breath]})
    rows["label"] = rng.normal(size=ROWS)
    assert bonds_of(rows) == [("group", "breath")]


def test_of_groups_within_groups_the_larger_ones_bind() -> None:
    rows = grouped(100).rename(columns={"group": "patient_id"})
    rows["scan_session"] = rows["patient_id"] + "-" + (rows.index % 2).astype(str)
    assert bonds_of(rows) == [("group", "patient_id")]


def test_groups_of_which_one_is_most_of_the_table_cannot_be_split() -> None:
    rows = grouped(80).rename(columns={"group": "patient_id"})
    rows.loc[rows.index < 400, "patient_id"] = "same"
    assert bonds_of(rows) == []


def test_a_later_test_binds_in_time_and_what_is_known_then_may_be_known() -> None:
    rows = grouped(30).rename(columns={"group": "patient_id"})
    rows["date"] = pd.date_range("2020-01-01", periods=ROWS).astype(str)
    train, test = rows.iloc[:500], rows.iloc[500:].drop(columns="label")
    assert bonds_of(train, test) == [("time", "date")]
    (bond,) = find_bonds(train, test, ids=["id"], targets=["label"])
    assert bond.why == "100% of the unlabelled rows are later in `date` than all 500 labelled rows"


def test_a_test_of_the_same_time_does_not_bind_in_time() -> None:
    rows = grouped(30, agreement=0).drop(columns="group")
    rows["date"] = pd.date_range("2020-01-01", periods=ROWS).astype(str)
    assert bonds_of(rows.iloc[::2], rows.iloc[1::2]) == []
    counted = rows.drop(columns="date").assign(number=range(ROWS))
    assert bonds_of(counted.iloc[:400], counted.iloc[400:]) == []


WORDS = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven", "islet", "juniper", "kelp", "lumen"]


def texts(rows: int) -> list[str]:
    rng = np.random.default_rng(1)
    return [" ".join(f"{word}{rng.integers(99)}" for word in rng.choice(WORDS, 24)) for _ in range(rows)]


def test_equal_texts_bind_by_their_column_and_near_ones_by_sets() -> None:
    rows = grouped(80, agreement=0, rows=200).drop(columns="group").assign(body=texts(200))
    assert bonds_of(rows) == []
    rows.loc[150:159, "body"] = rows.loc[0:9, "body"].to_numpy()
    assert bonds_of(rows) == [("copies", "body")]
    rows.loc[20:22, "body"] = [f"{text} amber 7" for text in rows.loc[30:32, "body"]]
    bonds = find_bonds(rows, None, ids=["id"], targets=["label"])
    assert [(bond.kind, bond.column) for bond in bonds] == [("copies", "body"), ("copies", "id")]
    assert {frozenset(names) for names in bonds[1].sets} == {frozenset(rows["id"][[20 + n, 30 + n]]) for n in range(3)}
    groups = groups_of(rows, bonds)
    assert groups is not None and (groups[150:160] == groups[0:10]).all() and (groups[20:23] == groups[30:33]).all()


def test_equal_rows_are_copies_and_rows_of_few_common_values_are_not() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(200, 4)), columns=list("abcd")).assign(id=range(200), label=rng.integers(0, 2, 200))
    rows.loc[190:199, list("abcd")] = rows.loc[0:9, list("abcd")].to_numpy()
    (bond,) = find_bonds(rows, None, ids=["id"], targets=["label"])
    assert (bond.kind, bond.column) == ("copies", "id") and bond.sets == tuple((str(row), str(190 + row)) for row in range(10))
    few = pd.DataFrame(rng.integers(0, 3, (200, 4)), columns=list("abcd")).assign(id=range(200), label=rng.integers(0, 2, 200))
    assert bonds_of(few) == []


def test_copies_of_rows_without_ids_are_numbered() -> None:
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(100, 5)), columns=list("abcde")).assign(label=0)
    rows.loc[99] = rows.loc[5]
    rows.loc[20] = rows.loc[21]
    (bond,) = find_bonds(rows, None, ids=[], targets=["label"])
    assert (bond.column, {*bond.sets}) == ("", {("5", "99"), ("20", "21")})


def test_equal_files_and_turned_pictures_are_copies(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"id": [f"p{row}" for row in range(60)], "label": rng.integers(0, 2, 60)})
    files = [tmp_path / f"{name}.png" for name in rows["id"]]
    for file in files:
        small = Image.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8))
        small.resize((96, 96), Image.Resampling.BICUBIC).save(file)
    files[7].write_bytes(files[3].read_bytes())
    Image.open(files[11]).transpose(Image.Transpose.ROTATE_90).resize((80, 80)).save(files[40])
    (bond,) = find_bonds(rows, None, ids=["id"], targets=["label"], files=files)
    assert {frozenset(names) for names in bond.sets} == {frozenset({"p3", "p7"}), frozenset({"p11", "p40"})}


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * 1000)
    rows = pd.DataFrame({"id": ["a", "b", "c"], "label": [0, 1, 0]})
    files = [tmp_path / name for name in rows["id"]]
    for file in files:
        file.symlink_to(secret)
    assert find_bonds(rows, None, ids=["id"], targets=["label"], files=files) == []


def test_a_hostile_name_of_a_column_is_quoted_in_the_reason() -> None:
    name = 'patient`"); import os #\n'
    (bond,) = find_bonds(grouped(80).rename(columns={"group": name}), None, ids=["id"], targets=["label"])
    assert bond.column == name and "\n" not in bond.why


@pytest.mark.parametrize("cell", [None, [1, 2], {"a": 1}, float("nan"), True])
def test_cells_of_any_kind_are_read(cell: object) -> None:
    rows = grouped(80).rename(columns={"group": "patient_id"})
    rows["odd"] = pd.Series([cell] * ROWS, dtype=object)
    assert bonds_of(rows, rows.head(0)) == [("group", "patient_id")]


@pytest.mark.parametrize("rows", [0, 1, 2, 5])
def test_tables_of_few_rows_have_no_bonds(rows: int) -> None:
    assert bonds_of(grouped(3, rows=rows)) == []


def _same_groups(found: np.ndarray | None, expected: pd.Series) -> bool:
    pairs = {*zip(np.asarray(found).tolist(), expected.tolist(), strict=True)}
    return len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
