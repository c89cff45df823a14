"""What a leak buys is what the competition's own grader gives to a submission made of it alone."""

from __future__ import annotations

import numpy as np
import pytest

from mlebench.grade import grade_csv
from mlebench.preparation.audit.bought import Market
from mlebench.preparation.audit.clue import Guess
from mlebench.preparation.audit.truth import read_truth
from mlebench.registry.edition import EditionName
from tests.cases import EDITIONS, Cases


def market(cases: Cases, name: str, edition: EditionName = "v2") -> Market:
    competition = cases.prepared(name, edition)
    return Market(competition, read_truth(competition))


@pytest.mark.parametrize(("name", "edition"), EDITIONS)
def test_a_leak_of_everything_buys_what_the_best_submission_gets(cases: Cases, name: str, edition: EditionName, tmp_path) -> None:  # type: ignore[no-untyped-def]
    stall = market(cases, name, edition)
    perfect = tmp_path / "perfect.csv"
    stall.truth.perfect.to_csv(perfect, index=False)
    best = grade_csv(perfect, stall.competition).score
    assert best is not None

    by_rows = stall.bought([Guess(None, np.arange(stall.truth.rows))])
    by_targets = stall.bought([Guess(target.name, target.values) for target in stall.truth.targets])

    assert by_rows.score == pytest.approx(best, abs=1e-4)
    assert by_targets.score == pytest.approx(best, abs=1e-4)


def test_rows_that_are_not_told_are_those_of_the_sample_submission(cases: Cases) -> None:
    stall = market(cases, "spaceship-titanic")
    nothing = stall.bought([Guess(None, np.full(stall.truth.rows, -1))])
    sample = grade_csv(stall.competition.sample_submission, stall.competition).score
    assert nothing.score == nothing.baseline == sample


def test_a_leak_that_is_wrong_half_of_the_time_is_trusted_so_far(cases: Cases) -> None:
    """A competitor who was always sure would lose more than all in log loss."""
    stall = market(cases, "spooky-author-identification")
    (target,) = stall.truth.targets
    others = {"EAP": "HPL", "HPL": "MWS", "MWS": "EAP"}
    values = np.array([value if row % 2 else others[value] for row, value in enumerate(target.values)], dtype=object)
    bought = stall.bought([Guess(target.name, values)])
    assert bought.score is not None and bought.score < 2


def test_a_medal_is_that_of_the_published_thresholds(cases: Cases) -> None:
    stall = market(cases, "spaceship-titanic")
    assert stall.bought([Guess(None, np.arange(stall.truth.rows))]).medal == "gold"


def test_without_guesses_nothing_is_bought(cases: Cases) -> None:
    assert market(cases, "spaceship-titanic").bought([]) == (None, None, None)


def test_a_sample_that_tells_answers_is_not_compared_with_itself(cases: Cases) -> None:
    stall = market(cases, "spaceship-titanic")
    (target,) = stall.truth.targets
    frequent = max(target.classes, key=[*target.values].count)
    usual = stall.bought([Guess(target.name, np.full(stall.truth.rows, frequent, dtype=object))], of_sample=True)
    told = stall.bought([Guess(target.name, target.values)], of_sample=True)
    assert told.baseline == usual.score
    assert told.score == 1 and told.baseline is not None and told.baseline < 1


@pytest.mark.parametrize(
    ("name", "hides"), [("spaceship-titanic", True), ("research-neural-testbed", True), ("research-active-batch", False)]
)
def test_answers_that_are_no_better_than_others_hide_nothing(cases: Cases, name: str, hides: bool) -> None:
    """In `research-active-batch` any choice of items is a submission, and what stands among the answers is one of them."""
    assert market(cases, name).hides_answers is hides
