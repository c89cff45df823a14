"""Splits: what a call states holds in the editions that it names, v1 draws as published, v2 by key."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench.cli.main import main
from mlebench.errors import RawDataFault, UsageError
from mlebench.registry.edition import Edition, test_count
from mlebench.registry.keys import PUBLISHED_KEY

V1, V2 = Edition("v1", "some-id"), Edition("v2", "some-id")
KEYED = [Edition(name, "some-id", "a key", keyed=True) for name in ("v1", "v2")]
EDITIONS = [pytest.param(each, id=f"{each.name}-{'keyed' if each.keyed else 'split'}") for each in (V1, V2, *KEYED)]

PATIENTS = [f"patient {row // 5}" for row in range(130)]
"""26 patients with five rows each."""


@given(st.integers(5, 300), st.sampled_from([0.1, 0.14, 0.19, 0.25]), st.integers(0, 50))
def test_v1_is_a_permutation_whose_first_part_is_the_test_set(n: int, share: float, seed: int) -> None:
    train, test = V1.split(np.arange(n), test_size=share, v1_seed=seed)
    order = np.random.RandomState(seed).permutation(n)
    assert [*test, *train] == list(order)
    assert len(test) == int(np.ceil(share * n))


def test_v1_draws_as_scikit_learn_does() -> None:
    from sklearn.model_selection import train_test_split

    for size in (0.1, 0.14, 1 / 3, 7):
        expected = train_test_split(np.arange(150), test_size=size, random_state=42)
        for drawn, theirs in zip(V1.split(np.arange(150), test_size=size, v1_seed=42), expected, strict=True):
            assert list(drawn) == list(theirs)


@pytest.mark.parametrize(
    ("key", "stated", "expected"),
    [
        (PUBLISHED_KEY, (), "0199ed728977679248bb104afb0a9a19"),
        (PUBLISHED_KEY, ("groups",), "fe9e6061afba187b06ca3e9ea2b96585"),
        (PUBLISHED_KEY, ("stratify",), "97675373ed371cb44b2d8966d573a06a"),
        (PUBLISHED_KEY, ("groups", "stratify"), "ca8284ff01c209b8d1f557ba75e4e664"),
        ("our key", (), "ab49256852ce26d4899ddfa5ca58b147"),
        ("our key", ("groups",), "f2065851c24e01e523872dd03132b2b8"),
        ("our key", ("stratify",), "7a44eef30ab5b0aae161ec7c8be61006"),
        ("our key", ("groups", "stratify"), "bc247c59ad92c3203adf15d0dfa72e1a"),
    ],
)
def test_the_rows_of_v2_stay_the_same_for_ever(key: str, stated: tuple[str, ...], expected: str) -> None:
    classes = ["abc"[row * 7 % 13 % 3] for row in range(600)]
    squares = [f"{row * row % 97}" for row in range(600)]
    values = {
        "groups": [f"{label}g{square}" for label, square in zip(classes, squares, strict=True)]
        if "stratify" in stated
        else [f"g{square}" for square in squares],
        "stratify": classes,
    }
    for prefix in ("", "v2_"):
        said = {f"{prefix}{name}": values[name] for name in stated}
        train, test = Edition("v2", "some-id", key).split(np.arange(600), test_size=0.1, **said)  # type: ignore[arg-type]
        assert hashlib.md5(" ".join(map(str, [*train, -1, *test])).encode()).hexdigest() == expected


@pytest.mark.parametrize("edition", EDITIONS)
@settings(max_examples=50)
@given(rows=st.lists(st.integers(0, 12), min_size=8, max_size=200), share=st.sampled_from([0.1, 0.3]))
def test_groups_are_whole_in_every_edition(edition: Edition, rows: list[int], share: float) -> None:
    if len(set(rows)) < 2:
        return
    train, test = edition.split(list(range(len(rows))), test_size=share, groups=rows)
    assert sorted([*train, *test]) == list(range(len(rows)))
    assert not {rows[row] for row in train} & {rows[row] for row in test}
    assert train and test


@pytest.mark.parametrize("edition", EDITIONS)
@settings(max_examples=50)
@given(classes=st.lists(st.sampled_from("abc"), min_size=30, max_size=300))
def test_class_shares_are_kept_within_one_row_in_every_edition(edition: Edition, classes: list[str]) -> None:
    train, test = edition.split(np.array(classes), test_size=0.2, stratify=classes)
    counts = pd.Series(classes).value_counts()
    for name, count in counts.items():
        assert abs((test == name).sum() - len(test) / len(classes) * count) <= 1 + len(counts)
        assert (train == name).any()


@pytest.mark.parametrize("edition", EDITIONS)
@settings(max_examples=50)
@given(rows=st.lists(st.tuples(st.integers(0, 20), st.sampled_from("abc")), min_size=10, max_size=200))
def test_groups_are_split_within_classes_in_every_edition(edition: Edition, rows: list[tuple[int, str]]) -> None:
    groups = [f"{label}{group}" for group, label in rows]
    if len(set(groups)) < 2:
        return
    train, test = edition.split(list(range(len(rows))), test_size=0.3, groups=groups, stratify=[label for _, label in rows])
    assert sorted([*train, *test]) == list(range(len(rows)))
    assert not {groups[row] for row in train} & {groups[row] for row in test}
    assert train and test


def test_what_is_stated_for_v2_leaves_v1_as_published() -> None:
    kinds = ["a", "b"] * 65
    for said in ({"v2_groups": PATIENTS}, {"v2_stratify": kinds}, {"v2_groups": PATIENTS, "v2_stratify": kinds}):
        published = V1.split(np.arange(130), test_size=0.2)
        for drawn, expected in zip(V1.split(np.arange(130), test_size=0.2, **said), published, strict=True):  # type: ignore[arg-type]
            assert list(drawn) == list(expected)
    train, test = V2.split(PATIENTS, test_size=0.2, v2_groups=PATIENTS)
    assert not set(train) & set(test)


@pytest.mark.parametrize(
    ("edition", "said", "message"),
    [
        (V1, {"groups": PATIENTS[:-1]}, "`groups` has 129 values for 130 rows"),
        (V1, {"v2_stratify": PATIENTS[:-1]}, "`stratify` has 129 values for 130 rows"),
        (V1, {"groups": PATIENTS, "v2_groups": PATIENTS}, "`v2_groups` cannot hold together with `groups`"),
        (V2, {"stratify": PATIENTS, "v2_stratify": PATIENTS}, "`v2_stratify` cannot hold together with `stratify`"),
        (V1, {"groups": PATIENTS, "v1_seed": 1}, "`v1_seed` seeds v1's draw of single rows"),
        (V2, {"stratify": PATIENTS, "v1_seed": 1}, "`v1_seed` seeds v1's draw of single rows"),
        (KEYED[0], {"v1_seed": 1}, "`v1_seed` seeds v1's draw of single rows"),
        (KEYED[0], {"v2_groups": PATIENTS}, "say `groups` in place of `v2_groups`"),
        (KEYED[1], {"v2_stratify": PATIENTS}, "say `stratify` in place of `v2_stratify`"),
    ],
)
def test_a_call_that_cannot_hold_is_refused(edition: Edition, said: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"prepare.py of some-id cannot hold: .*{message}"):
        edition.split(np.arange(130), test_size=0.2, **said)


@pytest.mark.parametrize("edition", [V1, V2])
@pytest.mark.parametrize("size", [1.5, -0.2, float("nan")])
def test_a_size_that_no_raw_data_could_fill_is_a_fault_of_the_call(edition: Edition, size: float) -> None:
    with pytest.raises(UsageError, match=r"prepare\.py of some-id cannot hold: `test_size` is"):
        edition.split(PATIENTS, test_size=size)


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_group_may_be_a_tuple_and_is_never_a_table(edition: Edition) -> None:
    wards = [(f"house {row // 60}", row // 5) for row in range(130)]
    for classes in (None, [house for house, _ in wards], [(house, house) for house, _ in wards]):
        train, test = edition.split(wards, test_size=0.2, groups=wards, stratify=classes)
        assert train and test and not set(train) & set(test)
    for table in (pd.DataFrame(wards), np.array(wards)):
        for name in ("groups", "stratify"):
            with pytest.raises(UsageError, match=f"`{name}` is a table; join its columns"):
                edition.split(wards, test_size=0.2, **{name: table})  # type: ignore[arg-type]


def test_data_from_a_key_is_split_by_it_alike_in_both_editions() -> None:
    (first, _), (second, _) = (edition.split(np.arange(130), test_size=0.2) for edition in KEYED)
    other, _ = Edition("v1", "some-id", "another key", keyed=True).split(np.arange(130), test_size=0.2)
    assert list(first) == list(second) != list(other)


@pytest.mark.parametrize("edition", ["v1", "v2"])
def test_a_competition_of_ones_own_keeps_patients_on_one_side(
    edition: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, data = tmp_path / "own", tmp_path / "data"
    assert main(["new-competition", "wards", "--into", str(home)]) == 0
    prepare_py, mock_py = home / "wards" / "prepare.py", home / "wards" / "mock.py"
    prepare_py.write_text(prepare_py.read_text().replace("test_size=0.2)", 'test_size=0.2, groups=table["patient"])'))
    mock_py.write_text(mock_py.read_text().replace('"id": range(size), ', '"id": range(size), "patient": np.arange(size) % 26, '))
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(home))
    assert main(["prepare", "wards", "--mock", "--edition", edition, "--data-dir", str(data)]) == 0
    public = data / "wards" / ("prepared" if edition == "v1" else "prepared-v2") / "public"
    patients = [set(pd.read_csv(public / name)["patient"]) for name in ("train.csv", "test.csv")]
    assert all(patients) and not patients[0] & patients[1]
    assert len(patients[0] | patients[1]) == 26


def test_draws_of_different_purposes_differ_in_every_edition() -> None:
    for edition in (V1, V2, *KEYED):
        assert len({edition.seed(), edition.seed("order"), edition.seed("ids")}) == 3


def test_a_key_of_ones_own_changes_nothing_in_v1() -> None:
    keyed = Edition("v1", "some-id", "our key")
    assert keyed.seed("ids") == V1.seed("ids")
    assert list(keyed.split(PATIENTS, test_size=0.2, groups=PATIENTS)[1]) == V1.split(PATIENTS, test_size=0.2, groups=PATIENTS)[1]


def test_v2_depends_on_key_competition_and_purpose_alone() -> None:
    assert V2.seed() == Edition("v2", "some-id").seed()
    seeds = {V2.seed(), V2.seed("order"), Edition("v2", "other-id").seed(), Edition("v2", "some-id", "our key").seed()}
    assert len(seeds) == 4
    assert max(seeds) > 2**100


def test_a_key_is_told_by_its_hash_alone() -> None:
    keyed = Edition("v2", "some-id", "our key")
    assert keyed.key_hash and "our key" not in keyed.key_hash
    assert V2.key_hash is None
    assert Edition("v1", "some-id", "our key").key_hash is None


def test_a_key_is_in_no_file_of_a_run_group_or_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keyed = ["--edition", "v2", "--split-key", "our secret key", "--data-dir", str(tmp_path / "data")]
    assert main(["prepare", "spaceship-titanic", "--mock", *keyed]) == 0
    words = ["--agent", "dummy", "-c", "spaceship-titanic", "--sandbox", "local", "--name", "mine"]
    assert main(["run", *words, *keyed, "--runs-dir", str(tmp_path / "runs")]) == 0
    group = tmp_path / "runs" / "mine"
    assert main(["report", str(group), "--json", "--html", str(tmp_path / "runs" / "report.html")]) == 0
    told = capsys.readouterr()
    [report] = json.loads((group / "grading_report.json").read_text())["competition_reports"]
    assert report["split_key_hash"] == Edition("v2", "spaceship-titanic", "our secret key").key_hash
    assert "our secret key" not in told.out + told.err
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert tmp_path / "runs" / "report.html" in written
    assert not [path for path in written if b"our secret key" in path.read_bytes()]


def test_a_fixed_test_count_is_exact_whenever_there_are_more_rows() -> None:
    assert [test_count(n, 9914) for n in (9915, 50_000)] == [9914, 9914]
    assert [test_count(n, 9914) for n in (9914, 100, 3)] == [1983, 20, 1]


@pytest.mark.parametrize("edition", [V1, V2])
def test_too_few_rows_are_a_fault_of_the_raw_data(edition: Edition) -> None:
    for rows, size in (([1], 0.5), ([1, 2], -1), ([1, 2], 0), ([1, 2], 0.0), ([1, 2], 1.0), ([1, 2], 7)):
        with pytest.raises(RawDataFault, match="cannot be split"):
            edition.split(rows, test_size=size)


def test_v2_fills_the_test_set_even_if_every_class_is_too_rare_to_share() -> None:
    train, test = V2.split(np.arange(20), test_size=0.2, stratify=[f"breed {k}" for k in range(20)])
    assert (len(train), len(test)) == (16, 4)


@pytest.mark.parametrize("stratify", [None, list("aabb")])
def test_v2_leaves_a_group_on_either_side_or_says_why_it_cannot(stratify: list[str] | None) -> None:
    with pytest.raises(RawDataFault, match="one group"):
        V2.split(list(range(4)), test_size=0.5, groups=[7, 7, 7, 7], stratify=stratify)
    train, test = V2.split(list(range(4)), test_size=0.7, groups=[1, 1, 2, 2], stratify=stratify)
    assert train and test
