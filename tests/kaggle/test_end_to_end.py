"""Contests of a loopback Kaggle become competitions: drafted, prepared, checked, and graded as those of this harness are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlebench.cli.main import main
from mlebench.registry import Competition, Registry
from tests.kaggle.loopback import LoopbackKaggle
from tests.kaggle.own_contests import TEAMS, serve

NAMES = ("spaceship-titanic", "aerial-cactus-identification", "dog-breed-identification")
ROWS = 240


@pytest.fixture
def made(request: pytest.FixtureRequest, kaggle: LoopbackKaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Competition:
    """The contest as a competition of the user's own under another name, prepared from its download."""
    slug = f"fresh-{request.param}"
    serve(kaggle, request.param, size=ROWS, slug=slug)
    assert main(["new-competition", slug, "--from-kaggle", "--into", str(tmp_path / "own")]) == 0
    asked = len(kaggle.seen)
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path / "own"))
    assert main(["prepare", slug, "--keep-raw"]) == 0
    assert len(kaggle.seen) == asked
    return Registry().get_competition(slug)


@pytest.mark.parametrize("made", NAMES, indirect=True)
def test_a_contest_becomes_a_competition_that_is_graded_as_ours_is(made: Competition) -> None:
    assert len(made.read_leaderboard()) == TEAMS
    ours = Registry().get_competition(made.id.removeprefix("fresh-"))
    assert (made.direction, made.facts.metric.best) == (ours.direction, ours.facts.metric.best)
    assert made.thresholds is not None
    answers = made.grader.read(made.answers)
    for submission in submissions(made, answers):
        assert made.grader.score(submission, answers) == pytest.approx(ours.grader.score(submission, answers), abs=1e-12)


@pytest.mark.parametrize("made", NAMES, indirect=True)
def test_its_folder_passes_the_check_without_a_change(made: Competition, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(made.folder), "--quick", "--no-run"]) == 0, capsys.readouterr()


def submissions(made: Competition, answers: pd.DataFrame) -> list[pd.DataFrame]:
    """The answers, the sample submission, and the answers of a third of the rows among those of the sample."""
    sample = made.grader.read(made.sample_submission)
    perfect = made.grader.perfect_submission(answers)
    ids = list(made.grader.id_columns)
    aligned = answers[ids].merge(perfect, on=ids)
    sample = answers[ids].merge(sample, on=ids)
    known = np.arange(len(answers)) % 3 == 0
    mixed = pd.concat([aligned[known], sample[~known]])[sample.columns]
    return [perfect, sample, mixed]
