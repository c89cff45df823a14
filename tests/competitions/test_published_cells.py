"""Cells of text that pandas reads as missing: blanks in v1, as the published graders read them, and text in v2."""

from __future__ import annotations

from functools import partial
from io import StringIO

import pandas as pd
import pytest
from pandas._libs.parsers import STR_NA_VALUES

from grading import InvalidSubmission
from grading.submission import MISSING_WORDS
from mlebench.registry import Competition, Registry
from tests.cases import Cases

SIZE = 60
PUBLISHED = Registry().list_competition_ids()
WORDS = sorted(STR_NA_VALUES - {""})

in_v1 = pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in PUBLISHED])


def outcome(competition: Competition, submission: pd.DataFrame) -> float | str:
    try:
        return competition.grader.score(submission, competition.answers_table)
    except InvalidSubmission:
        return "invalid"


def perfect_text(competition: Competition) -> pd.DataFrame:
    """The best submission as a file would hold it."""
    written = competition.grader.perfect_submission(competition.answers_table).to_csv(index=False)
    return pd.read_csv(StringIO(written), dtype=str, keep_default_na=False)


def filled(submission: pd.DataFrame, column: str, cell: str, step: int) -> pd.DataFrame:
    """The submission with the same cell in every `step`-th row."""
    changed = submission.copy()
    changed.loc[::step, column] = cell
    return changed


def test_the_words_are_those_of_pandas() -> None:
    assert {*MISSING_WORDS} == STR_NA_VALUES


@in_v1
def test_a_missing_word_scores_as_a_blank_in_v1(cases: Cases, name: str) -> None:
    competition = cases.prepared(name, "v1", SIZE)
    perfect = perfect_text(competition)
    kinds = competition.grader.columns_of(competition.answers_table)
    for column in (column for column, kind in kinds.items() if kind.reads_text):
        for step in (1, 2):
            of = partial(filled, perfect, column, step=step)
            expected = outcome(competition, of(cell=""))
            assert {word: outcome(competition, of(cell=word)) for word in WORDS} == dict.fromkeys(WORDS, expected)


@pytest.mark.parametrize(
    "name",
    [
        "tgs-salt-identification-challenge", "uw-madison-gi-tract-image-segmentation", "hubmap-kidney-segmentation",
        "vesuvius-challenge-ink-detection", "google-research-identify-contrails-reduce-global-warming", "kuzushiji-recognition",
        "3d-object-detection-for-autonomous-vehicles", "multi-modal-gesture-recognition", "tensorflow2-question-answering",
    ],
)  # fmt: skip
def test_masks_and_lists_take_blanks_and_in_v2_no_words(cases: Cases, name: str) -> None:
    for edition, word_is_blank in (("v1", True), ("v2", False)):
        competition = cases.prepared(name, edition, SIZE)
        perfect = perfect_text(competition)
        (column,) = competition.grader.columns_of(competition.answers_table)
        blank = outcome(competition, filled(perfect, column, "", 1))
        assert blank != "invalid"
        assert outcome(competition, filled(perfect, column, "None", 1)) == (blank if word_is_blank else "invalid")


@pytest.mark.parametrize("name", ["siim-covid19-detection", "vinbigdata-chest-xray-abnormalities-detection"])
def test_lists_that_may_not_be_blank_may_hold_no_word_either(cases: Cases, name: str) -> None:
    competition = cases.prepared(name, "v1", SIZE)
    perfect = perfect_text(competition)
    for cell in ("", "nan", "NULL"):
        assert outcome(competition, filled(perfect, "PredictionString", cell, 3)) == "invalid"


@pytest.mark.parametrize("name", ["bms-molecular-translation", "billion-word-imputation"])
def test_texts_that_read_like_a_missing_value_count_as_text_in_v2_alone(cases: Cases, name: str) -> None:
    v1, v2 = (cases.prepared(name, edition, SIZE) for edition in ("v1", "v2"))
    (column,) = v1.grader.columns_of(v1.answers_table)
    blank, word = ([outcome(c, filled(perfect_text(c), column, cell, 1)) for c in (v1, v2)] for cell in ("", "None"))
    assert blank[0] == word[0]
    assert blank[1] != word[1]
