"""Sample submissions that know answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlebench.preparation.audit.checks.sample_submission import sample_submission
from mlebench.registry import Competition
from tests.cases import Cases
from tests.preparation.audit.checks.planting import case_of, copied

Sample = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


def planted(competition: Competition, sample: Sample) -> Competition:
    """A competition whose sample submission is made of the best one, shape (rows, columns), cells as text."""
    perfect = case_of(competition).truth.perfect
    sample(perfect.copy(), np.random.default_rng(0)).to_csv(competition.sample_submission, index=False)
    return competition


def number(table: pd.DataFrame) -> pd.Series:
    return table["Pawpularity"].astype(float)


LEAKS: dict[str, tuple[str, Sample]] = {
    "the answers": ("petfinder-pawpularity-score", lambda best, rng: best),
    "rounded to tens": ("petfinder-pawpularity-score", lambda best, rng: best.assign(Pawpularity=number(best).round(-1))),
    "with noise": (
        "petfinder-pawpularity-score", lambda best, rng: best.assign(Pawpularity=number(best) + rng.normal(0, 4, len(best)))
    ),
    "turned round": ("petfinder-pawpularity-score", lambda best, rng: best.assign(Pawpularity=101 - number(best))),
    "half of the classes": (
        "paddy-disease-classification", lambda best, rng: best.assign(label=best["label"].where(best.index % 2 == 0, "normal"))
    ),
    "one-hot columns": ("dog-breed-identification", lambda best, rng: best),
    "texts": ("bms-molecular-translation", lambda best, rng: best),
    "orders": ("AI4Code", lambda best, rng: best),
    "rows in another order": ("bms-molecular-translation", lambda best, rng: best.sample(frac=1, random_state=1)),
}  # fmt: skip


@pytest.mark.parametrize("leak", LEAKS)
def test_a_sample_that_agrees_with_the_answers_is_told(cases: Cases, tmp_path: Path, leak: str) -> None:
    name, sample = LEAKS[leak]
    competition = planted(copied(cases, name, tmp_path), sample)
    (clue,) = sample_submission(case_of(competition))
    assert (clue.check, clue.file) == ("sample-submission", "sample_submission.csv")
    (guess,) = clue.guesses
    assert guess.told.all()


def test_probabilities_that_know_classes_are_bought_as_classes(cases: Cases, tmp_path: Path) -> None:
    def noisy(best: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        return best.assign(has_cactus=1 / (1 + np.exp(-4 * best["has_cactus"].astype(float) + 2 + rng.normal(0, 1, len(best)))))

    competition = planted(copied(cases, "aerial-cactus-identification", tmp_path), noisy)
    case = case_of(competition)
    (clue,) = sample_submission(case)
    (guess,) = clue.guesses
    assert {*guess.values} == {*case.truth.targets[0].classes}
    assert (guess.values == case.truth.targets[0].values).mean() > 0.8


def test_columns_that_agree_are_one_clue(cases: Cases, tmp_path: Path) -> None:
    name = "jigsaw-toxic-comment-classification-challenge"
    competition = planted(copied(cases, name, tmp_path), lambda best, rng: best)
    (clue,) = sample_submission(case_of(competition))
    assert len(clue.guesses) == 6
    assert "and 5 more columns agree" in clue.what


def test_a_shuffled_copy_of_the_answers_is_told(cases: Cases, tmp_path: Path) -> None:
    competition = planted(
        copied(cases, "bms-molecular-translation", tmp_path),
        lambda best, rng: best.assign(InChI=rng.permutation(best["InChI"].to_numpy())),
    )
    (clue,) = sample_submission(case_of(competition))
    assert "in another order" in clue.what
    assert not clue.guesses


@pytest.mark.parametrize(
    "name",
    [
        "petfinder-pawpularity-score",  # random scores
        "multi-modal-gesture-recognition",  # random orders
        "text-normalization-challenge-english-language",  # the inputs
        "AI4Code",  # the order of the files
        "google-research-identify-contrails-reduce-global-warming",
        "iwildcam-2020-fgvc7",
    ],
)
def test_constant_and_independent_samples_and_copies_of_inputs_are_none(cases: Cases, name: str) -> None:
    for edition in ("v1", "v2"):
        assert not list(sample_submission(case_of(cases.prepared(name, edition))))  # type: ignore[arg-type]


def test_random_scores_are_not_told(cases: Cases, tmp_path: Path) -> None:
    competition = copied(cases, "petfinder-pawpularity-score", tmp_path)
    for seed in range(40):
        planted(
            competition,
            lambda best, rng, seed=seed: best.assign(Pawpularity=np.random.default_rng(seed).integers(1, 101, len(best))),
        )  # type: ignore[misc]
        assert not list(sample_submission(case_of(competition)))
