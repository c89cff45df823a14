"""Splits: v1 as published, v2 by key, groups and classes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.registry.edition import Edition, test_count

V1, V2 = Edition("v1", "some-id"), Edition("v2", "some-id")


# the first split imports scikit-learn
@settings(deadline=None)
@given(st.integers(5, 300), st.sampled_from([0.1, 0.14, 0.19, 0.25]), st.integers(0, 50))
def test_v1_is_a_permutation_whose_first_part_is_the_test_set(n: int, share: float, seed: int) -> None:
    train, test = V1.split(np.arange(n), test_size=share, random_state=seed)
    order = np.random.RandomState(seed).permutation(n)
    assert [*test, *train] == list(order)
    assert len(test) == int(np.ceil(share * n))


@settings(max_examples=50)
@given(st.lists(st.integers(0, 12), min_size=8, max_size=200), st.sampled_from([0.1, 0.3]))
def test_v2_keeps_groups_whole(groups: list[int], share: float) -> None:
    if len(set(groups)) < 2:
        return
    train, test = V2.split(list(range(len(groups))), test_size=share, groups=groups)
    assert sorted([*train, *test]) == list(range(len(groups)))
    assert not {groups[row] for row in train} & {groups[row] for row in test}
    assert train and test


@given(st.lists(st.sampled_from("abc"), min_size=30, max_size=300))
def test_v2_keeps_class_shares_within_one_row(classes: list[str]) -> None:
    train, test = V2.split(np.array(classes), test_size=0.2, stratify=classes)
    counts = pd.Series(classes).value_counts()
    for name, count in counts.items():
        assert abs((test == name).sum() - len(test) / len(classes) * count) <= 1 + len(counts)
        assert (train == name).any()


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
def test_too_few_rows_are_a_usage_error(edition: Edition) -> None:
    with pytest.raises(UsageError, match="cannot be split"):
        edition.split([1], test_size=0.5)


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from("abc")), min_size=10, max_size=200))
def test_v2_splits_groups_within_classes(rows: list[tuple[int, str]]) -> None:
    groups = [f"{label}{group}" for group, label in rows]
    if len(set(groups)) < 2:
        return
    train, test = V2.split(list(range(len(rows))), test_size=0.3, groups=groups, stratify=[label for _, label in rows])
    assert sorted([*train, *test]) == list(range(len(rows)))
    assert not {groups[row] for row in train} & {groups[row] for row in test}
    assert train and test


def test_v2_fills_the_test_set_even_if_every_class_is_too_rare_to_share() -> None:
    train, test = V2.split(np.arange(20), test_size=0.2, stratify=[f"breed {k}" for k in range(20)])
    assert (len(train), len(test)) == (16, 4)


@pytest.mark.parametrize("stratify", [None, list("aabb")])
def test_v2_leaves_a_group_on_either_side_or_says_why_it_cannot(stratify: list[str] | None) -> None:
    with pytest.raises(UsageError, match="one group"):
        V2.split(list(range(4)), test_size=0.5, groups=[7, 7, 7, 7], stratify=stratify)
    train, test = V2.split(list(range(4)), test_size=0.7, groups=[1, 1, 2, 2], stratify=stratify)
    assert train and test
