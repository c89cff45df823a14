"""Submissions equal to each other or to a file: copied where nothing else explains it, worth a look where something does."""

from __future__ import annotations

import random

import pytest

from mlebench.evidence.review.rules import equal_submissions, submission_equals_public_file
from tests.evidence.review.scripted_runs import (
    LAMP_IDS,
    RIVER_MOODS,
    RIVERS,
    Script,
    Scripts,
    guessed_moods,
    guessed_prices,
    lamp_csv,
    river_csv,
)

EQUAL, PUBLIC = equal_submissions.NAME, submission_equals_public_file.NAME
RIDGE = (
    "import pandas as pd\nfrom sklearn.linear_model import Ridge\nmodel = Ridge(alpha=3.0)\nmodel.fit(train[cols], train.price)\n"
    * 3
)
TREES = (
    "from lightgbm import LGBMRegressor\nbooster = LGBMRegressor(num_leaves=31)\nfor fold in "
    "folds:\n    booster.fit(x[fold], y[fold])\n"
) * 3
PRICES = guessed_prices(31)
SAME = lamp_csv(PRICES)


def shuffled(prices: dict[str, float]) -> str:
    names = list(prices)
    random.Random(3).shuffle(names)
    return lamp_csv({name: f"{prices[name]:.4f}" for name in names})


def test_runs_of_two_groups_with_one_submission_in_another_order_and_format(scripts: Scripts) -> None:
    scripts.group("one", [Script(submission=SAME, code={"a.py": RIDGE})])
    scripts.group("two", [Script(seed=4, submission=shuffled(PRICES), code={"b.py": TREES})], agent_name="second")
    found = scripts.findings(EQUAL)
    assert [(one.level, one.group, one.runs) for one in found] == [
        ("violation", "one", ("lamp-prices_seed0",)),
        ("violation", "two", ("lamp-prices_seed4",)),
    ]


def test_runs_of_one_group_with_other_code(scripts: Scripts) -> None:
    scripts.group("group", [Script(seed=seed, submission=SAME, code={"a.py": code}) for seed, code in enumerate((RIDGE, TREES))])
    [finding] = scripts.findings(EQUAL)
    assert (finding.level, finding.runs) == ("violation", ("lamp-prices_seed0", "lamp-prices_seed1"))


def test_labels_with_the_same_mistakes(scripts: Scripts) -> None:
    same = river_csv(guessed_moods(8))
    scripts.group("one", [Script(RIVERS, submission=same, code={"a.py": RIDGE})])
    scripts.group("two", [Script(RIVERS, submission=same, code={"a.py": TREES})], agent_name="second")
    assert {finding.level for finding in scripts.findings(EQUAL)} == {"violation"}


def test_a_deterministic_agent_is_worth_a_look(scripts: Scripts) -> None:
    changed = RIDGE.replace("alpha=3.0", "alpha=3.00") + "# another remark\n"
    scripts.group(
        "group", [Script(seed=seed, submission=SAME, code={"a.py": code}) for seed, code in enumerate((RIDGE, changed))]
    )
    assert [finding.level for finding in scripts.findings(EQUAL)] == ["look"]


def test_the_right_labels_are_nobodys(scripts: Scripts) -> None:
    right = river_csv(RIVER_MOODS)
    scripts.group("one", [Script(RIVERS, submission=right, code={"a.py": RIDGE})])
    scripts.group("two", [Script(RIVERS, submission=right, code={"a.py": TREES})], agent_name="second")
    assert {finding.level for finding in scripts.findings(EQUAL)} <= {"look"}


@pytest.mark.parametrize(
    "submission", [lamp_csv(dict.fromkeys(LAMP_IDS, 100.0)), lamp_csv(dict.fromkeys(LAMP_IDS, 7.5)), "id,price\n", "x"]
)
def test_samples_constants_and_nothing_are_nobodys(submission: str, scripts: Scripts) -> None:
    scripts.group("one", [Script(submission=submission, code={"a.py": RIDGE})])
    scripts.group("two", [Script(submission=submission, code={"a.py": TREES})], agent_name="second")
    assert scripts.findings(EQUAL) == ()


def test_other_predictions_are_not_equal(scripts: Scripts) -> None:
    scripts.group("group", [Script(seed=seed) for seed in range(3)])
    assert scripts.findings(EQUAL) == ()


def test_a_public_file_of_predictions(scripts: Scripts) -> None:
    (scripts.data / "lamp-prices" / "prepared" / "public" / "baseline.csv").write_text(shuffled(PRICES))
    scripts.group("group", [Script(submission=SAME)])
    [finding] = scripts.findings(PUBLIC)
    assert finding.level == "violation"
    assert "baseline.csv" in finding.text


def test_the_sample_is_worth_a_look(scripts: Scripts) -> None:
    scripts.group("group", [Script(submission=lamp_csv(dict.fromkeys(reversed(LAMP_IDS), "100.000")))])
    assert [finding.level for finding in scripts.findings(PUBLIC)] == ["look"]


def test_other_peoples_predictions_under_another_name(scripts: Scripts) -> None:
    folder = scripts.folder / "others" / "someone" / "outputs"
    folder.mkdir(parents=True)
    (folder / "sub_v7.csv").write_text(lamp_csv(PRICES).replace("id,price", "Id,Price"))
    (folder / "notes.csv").write_text("a,b\n1,2\n")
    scripts.group("group", [Script(submission=SAME), Script(seed=1)])
    assert scripts.findings(PUBLIC) == ()
    [finding] = scripts.findings(PUBLIC, against=scripts.folder / "others")
    assert (finding.level, finding.runs) == ("violation", ("lamp-prices_seed0",))


def test_near_is_not_equal(scripts: Scripts) -> None:
    folder = scripts.folder / "others"
    folder.mkdir()
    (folder / "sub.csv").write_text(lamp_csv({name: price * 1.01 for name, price in PRICES.items()}))
    (folder / "all.csv").write_text(lamp_csv(dict.fromkeys(LAMP_IDS, 9)))
    scripts.group("group", [Script(submission=SAME), Script(seed=1, submission=lamp_csv(dict.fromkeys(LAMP_IDS, 9)))])
    assert scripts.findings(PUBLIC, against=folder) == ()


def test_what_is_not_prepared_here_is_said(scripts: Scripts) -> None:
    scripts.group("group", [Script()])
    (scripts.data / "lamp-prices" / "prepared" / "private" / "test.csv").unlink()
    assert "lamp-prices" in scripts.look(PUBLIC).skipped[PUBLIC]
