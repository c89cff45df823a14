"""The plain graders of `benchmarks/plain`, written from the competitions' own words, find what ours find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.noise import noisy_submission
from benchmarks.plain.graders import GRADERS
from mlebench.registry import Registry
from tests.cases import Cases

IDS = Registry().list_competition_ids()
ROWS_IN_ORDER = ("detecting-insults-in-social-commentary", "hms-harmful-brain-activity-classification")
"""Their ids repeat in v1, and only the order of the rows distinguishes them."""
BOXES_IN_ORDER = ("vinbigdata-chest-xray-abnormalities-detection",)
"""The first prediction of the file is special in v1."""


def test_every_competition_has_one() -> None:
    assert sorted(GRADERS) == sorted(IDS)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in IDS])
def test_they_agree_with_ours(name: str, cases: Cases, tmp_path: Path) -> None:
    competition = cases.prepared(name, "v1")
    rng = np.random.default_rng(0)
    answers = competition.answers_table
    submission = noisy_submission(competition.grader, answers, rng)
    if name not in ROWS_IN_ORDER + BOXES_IN_ORDER:
        submission = submission.sample(frac=1, random_state=0)
    submission.to_csv(tmp_path / "submission.csv", index=False)
    answers.to_csv(tmp_path / "answers.csv", index=False)

    ours = competition.grader.score_file(tmp_path / "submission.csv", answers)
    plain = GRADERS[name].score_file(tmp_path / "submission.csv", tmp_path / "answers.csv")

    assert plain == pytest.approx(ours, abs=1e-6, rel=1e-9)
    # a metric that always gave the best score would agree, too
    assert ours != pytest.approx(competition.grader.score(competition.grader.perfect_submission(answers), answers), abs=1e-6)
