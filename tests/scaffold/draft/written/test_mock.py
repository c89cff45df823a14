"""`mock.py` of a draft: a tiny download of the true schema that holds nothing of the real rows."""

from __future__ import annotations

import dataclasses
import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mlebench.data import write_csv, write_zipped_csv
from mlebench.data.mocking import write_files
from mlebench.scaffold.draft.proposal import Target
from mlebench.scaffold.draft.written.tables import see
from tests.cases import Cases
from tests.scaffold.draft.written.drafts import (
    SIZES,
    Drafted,
    cacti,
    calls,
    dogs,
    leaves,
    metric,
    observations,
    passengers,
    readings,
    strange,
    table,
)
from tests.scaffold.draft.written.drafts import drafted as drafted_by_hand

SHARED = {"passengers": passengers, "observations": observations, "dogs": dogs, "cacti": cacti}
OWN = {"readings": readings, "calls": calls, "leaves": leaves, "strange": strange}


@pytest.fixture(scope="module", params=[*SHARED, *OWN])
def drafted(request: pytest.FixtureRequest, cases: Cases, tmp_path_factory: pytest.TempPathFactory) -> Drafted:
    if request.param in SHARED:
        return SHARED[request.param](cases)
    make: Callable[[Path], Drafted] = OWN[request.param]
    return make(tmp_path_factory.mktemp("drafted") / "raw")


@pytest.fixture(scope="module")
def made(drafted: Drafted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many rows, so that shares can be compared; read alone."""
    return drafted.made(tmp_path_factory.mktemp("many") / "made", 300)


def listing(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.md5(path.read_bytes()).hexdigest() for path in files}


def top(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def tables(drafted: Drafted) -> list[tuple[str, str | None]]:
    found = [drafted.draft.train, drafted.draft.test, drafted.draft.sample]
    return [(table.path, table.member) for table in found if table is not None and not table.path.endswith("/")]


def test_same_generator_gives_the_same_bytes_and_another_gives_other_ones(drafted: Drafted, tmp_path: Path) -> None:
    first, again, other = (drafted.made(tmp_path / name, 20, seed) for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    assert listing(first) == listing(again)
    assert listing(first) != listing(other)


def test_tables_have_the_same_columns_types_and_shares_of_gaps(drafted: Drafted, made: Path) -> None:
    for path, member in tables(drafted):
        real, mock = see(drafted.raw, path, member), see(made, path, member)
        assert list(mock.values.columns) == list(real.values.columns)
        assert mock.values.dtypes.astype(str).to_dict() == real.values.dtypes.astype(str).to_dict()
        assert mock.delimiter == real.delimiter
        if path == drafted.draft.train.path:
            assert (mock.values.isna().mean() - real.values.isna().mean()).abs().max() < 0.05
        # a gap stays possible, and a column without gaps stays without
        assert set(mock.values.columns[mock.values.isna().any()]) == set(real.values.columns[real.values.isna().any()])


@pytest.mark.parametrize("size", SIZES[:2])
def test_few_rows_have_every_class_and_the_same_files_at_the_top(drafted: Drafted, tmp_path: Path, size: int) -> None:
    made = drafted.made(tmp_path / "made", size)
    assert top(made) == top(drafted.raw)
    for target in drafted.draft.targets:
        if target.classes and drafted.draft.train.path != "train/":
            values = see(made, drafted.draft.train.path).values[target.name]
            assert set(values.astype(str)) == set(target.classes)


def test_ids_are_distinct_over_both_parts(drafted: Drafted, made: Path) -> None:
    ids = list(drafted.draft.ids)
    rows = pd.concat([see(made, *table).values[ids] for table in dict.fromkeys((tables(drafted)[0], tables(drafted)[-1]))])
    assert not rows.duplicated().any()


def test_nothing_of_the_rows_is_in_the_source(drafted: Drafted) -> None:
    source = drafted.source
    for path, member in tables(drafted):
        seen = see(drafted.raw, path, member)
        words = seen.written if seen.written is not None else seen.values.astype(str)
        known = {name for target in drafted.draft.targets for name in (target.name, *target.classes)}
        for column in words.columns:
            once = [word for word, number in words[column].value_counts().items() if number == 1]
            copied = [word for word in once if len(word) > 4 and word not in known and f'"{word}"' in source]
            assert copied == [], column


def test_source_is_short_and_clean(drafted: Drafted) -> None:
    lines = drafted.source.splitlines()
    assert len(lines) < 80
    assert drafted.source.endswith("\n") and not drafted.source.endswith("\n\n")
    assert "  # fmt: skip" in drafted.source or max(map(len, lines)) <= 200


def test_two_thousand_rows_are_about_as_many(cases: Cases, tmp_path: Path) -> None:
    made = observations(cases).made(tmp_path / "made", 2_000)
    assert len(pd.read_csv(made / "train.csv")) == 2_000
    assert len(pd.read_csv(made / "test.csv")) == len(pd.read_csv(made / "sample_submission.csv")) == 500


def test_sample_submission_has_the_real_ones_constants(cases: Cases, tmp_path: Path) -> None:
    real, made = (
        pd.read_csv(folder / "sample_submission.csv") for folder in (dogs(cases).raw, dogs(cases).made(tmp_path / "made", 8))
    )
    assert list(made.columns) == list(real.columns)
    assert np.array_equal(made.iloc[:2, 1:].to_numpy(), real.iloc[:2, 1:].to_numpy())


def test_ids_with_groups_keep_their_form_and_repeat_the_group(cases: Cases, tmp_path: Path) -> None:
    ids = pd.read_csv(passengers(cases).made(tmp_path / "made", 60) / "train.csv")["PassengerId"]
    assert ids.str.fullmatch(r"\d{4}_\d\d").all()
    assert ids.str[:4].value_counts().max() > 1


def test_categories_keep_their_names_and_numbers_their_range(cases: Cases, tmp_path: Path) -> None:
    drafted = passengers(cases)
    real, made = pd.read_csv(drafted.raw / "train.csv"), pd.read_csv(drafted.made(tmp_path / "made", 500) / "train.csv")
    assert set(made["HomePlanet"].dropna()) == set(real["HomePlanet"].dropna())
    assert made["Age"].min() >= real["Age"].min()
    assert made["Age"].max() <= real["Age"].max()
    assert made["Cabin"].dropna().str.fullmatch(r"[A-G]/\d{1,3}/[PS]").all()


def test_every_row_has_its_file_where_the_real_ones_have_it(cases: Cases, tmp_path: Path) -> None:
    made = cacti(cases).made(tmp_path / "cacti", 60)
    for part, name in (("train", "train.csv"), ("test", "sample_submission.csv")):
        with zipfile.ZipFile(made / f"{part}.zip") as archive:
            assert sorted(archive.namelist()) == sorted(f"{part}/{member}" for member in pd.read_csv(made / name)["id"])
    sounds = calls(tmp_path / "raw").made(tmp_path / "calls", 60)
    names = [*pd.read_csv(sounds / "train.tsv", sep="\t")["fname"], *pd.read_csv(sounds / "sample.csv")["fname"]]
    assert sorted(names) == sorted(path.name for path in (sounds / "audio/clips").iterdir())
    assert all(path.read_bytes()[:4] == b"RIFF" for path in (sounds / "audio/clips").iterdir())


def test_class_folders_are_made_with_images_of_the_same_mode(tmp_path: Path) -> None:
    made = leaves(tmp_path / "raw").made(tmp_path / "made", 60)
    assert {path.parent.name for path in (made / "train").rglob("*.png")} == {"elm", "oak"}
    with Image.open(next((made / "test").iterdir())) as image:
        assert (image.format, image.mode) == ("PNG", "L")


def test_names_of_strangers_are_data_and_never_code(tmp_path: Path) -> None:
    drafted = strange(tmp_path / "raw")
    made = pd.read_csv(drafted.made(tmp_path / "made", 60) / "train.csv")
    assert list(made.columns) == list(pd.read_csv(drafted.raw / "train.csv").columns)


def test_a_wide_table_is_made_by_a_loop(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    columns = {
        f"{'abcdefg'[k % 7]}_{k}": rng.normal(0, 10 ** (k % 4), 80).round(2) if k % 3 else rng.integers(k + 2, size=80)
        for k in range(300)
    }
    raw = tmp_path / "raw"
    write_csv(pd.DataFrame({"id": range(80), "y": np.arange(80) % 2, **columns}), raw / "train.csv")
    wide = drafted_by_hand(raw, "train.csv", [Target(name="y", kind="Integer(0, 1)", classes=("0", "1"))])
    assert len(wide.source.splitlines()) < 100
    real, made = pd.read_csv(raw / "train.csv"), pd.read_csv(wide.made(tmp_path / "made", 40) / "train.csv")
    assert made.dtypes.to_dict() == real.dtypes.to_dict()
    assert list(made.columns) == list(real.columns)


def test_json_and_tables_in_archives_are_written_as_they_were(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    raw = tmp_path / "raw"
    rows = pd.DataFrame({"id": [f"{k:03d}" for k in range(60)], "words": ["b a"] * 60, "y": rng.random(60)})
    raw.mkdir()
    (raw / "train.json").write_text(rows.to_json(orient="records", lines=True), encoding="utf-8")
    write_zipped_csv(rows.drop(columns="y"), raw / "test.csv.zip")
    write_csv(rows[["id"]].assign(y=0.5), raw / "s.csv", sep=";")
    target = [Target(name="y", kind="Real()")]
    draft = drafted_by_hand(raw, "train.json", target, sample="s.csv", metric=metric("numbers")).draft
    draft = dataclasses.replace(draft, test=table(raw, "test.csv.zip", "test.csv"))
    made = Drafted(draft, raw).made(tmp_path / "made", 20)
    for path, member in (("train.json", None), ("test.csv.zip", "test.csv"), ("s.csv", None)):
        real, mock = see(raw, path, member), see(made, path, member)
        assert (list(mock.values.columns), mock.layout, mock.delimiter) == (
            list(real.values.columns),
            real.layout,
            real.delimiter,
        )
    assert pd.read_csv(made / "s.csv", sep=";", dtype=str)["id"].str.fullmatch(r"\d{3}").all()


def test_files_that_are_copied_are_made_tiny(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_csv(pd.DataFrame({"id": range(60), "x": 1.5, "y": np.arange(60) % 2}), raw / "train.csv")
    write_csv(pd.DataFrame({"x": range(9), "colour": ["red", "blue", "red"] * 3}), raw / "colours.csv")
    write_files(raw / "docs", ["a.txt", "b.txt"], lambda: b"private words " * 99)
    draft = drafted_by_hand(raw, "train.csv", [Target(name="y", kind="Integer(0, 1)", classes=("0", "1"))]).draft
    made = Drafted(dataclasses.replace(draft, copied=("colours.csv", "docs/")), raw).made(tmp_path / "made", 20)
    assert list(pd.read_csv(made / "colours.csv").columns) == ["x", "colour"]
    assert {path.suffix for path in (made / "docs").iterdir()} == {".txt"}
    assert all(b"private" not in path.read_bytes() for path in (made / "docs").iterdir())


def test_ids_of_two_columns_are_distinct_together(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    days = pd.date_range("2020-01-01", periods=30).strftime("%Y-%m-%d")
    rows = pd.DataFrame([(day, shop) for day in days for shop in ("S1", "S2", "S3")], columns=["day", "shop"]).assign(sold=1.5)
    write_csv(rows, raw / "train.csv")
    drafted = drafted_by_hand(
        raw, "train.csv", [Target(name="sold", kind="Real()")], ids=("day", "shop"), metric=metric("numbers")
    )
    made = pd.read_csv(drafted.made(tmp_path / "made", 50) / "train.csv")
    assert not made.duplicated(["day", "shop"]).any()
    assert made["day"].duplicated().any()
    assert made["day"].str.fullmatch(r"\d{4}-\d\d-\d\d").all()
