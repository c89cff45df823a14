"""Our own competitions, drafted from the mocks of their raw data without a look at their folders, score as these folders do.

A draft knows what Kaggle says of a competition: its title, the name of its metric and its pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grading import Grader
from mlebench.errors import CannotDraft
from mlebench.preparation import prepare
from mlebench.registry import Competition, Registry
from mlebench.scaffold.check import contract, task_text
from mlebench.scaffold.check.public import Public
from mlebench.scaffold.draft import draft, write_draft
from mlebench.scaffold.draft.origin import Origin
from tests.cases import Cases

SIZE = contract.SMALL
IDS = Registry().list_competition_ids()

DRAFTED = {
    "aerial-cactus-identification", "aptos2019-blindness-detection", "bms-molecular-translation",
    "cassava-leaf-disease-classification", "detecting-insults-in-social-commentary", "dog-breed-identification",
    "google-quest-challenge", "histopathologic-cancer-detection",
    "imet-2020-fgvc7", "invasive-species-monitoring", "iwildcam-2019-fgvc6", "jigsaw-toxic-comment-classification-challenge",
    "leaf-classification", "learning-agency-lab-automated-essay-scoring-2", "lmsys-chatbot-arena",
    "movie-review-sentiment-analysis-kernels-only", "new-york-city-taxi-fare-prediction",
    "nomad2018-predict-transparent-conductors", "paddy-disease-classification", "petfinder-pawpularity-score",
    "plant-pathology-2020-fgvc7", "plant-pathology-2021-fgvc8", "plant-seedlings-classification", "playground-series-s3e18",
    "random-acts-of-pizza", "rsna-miccai-brain-tumor-radiogenomic-classification", "seti-breakthrough-listen",
    "siim-isic-melanoma-classification", "spaceship-titanic", "spooky-author-identification",
    "statoil-iceberg-classifier-challenge", "tabular-playground-series-dec-2021", "tabular-playground-series-may-2022",
    "text-normalization-challenge-english-language", "text-normalization-challenge-russian-language",
    "tweet-sentiment-extraction", "us-patent-phrase-to-phrase-matching", "whale-categorization-playground",
}  # fmt: skip
"""Plain tables, and files that rows name. Others may be drafted, too, if they score as ours do."""

REASONS = {
    "metric": r"metric",
    "no table with the labels": r"no table has both|there is no csv|several folders|is a sample submission|has no rows",
    "target in no table": r"and no other column stands for|cannot be taken from",
    "rows not identified": r"repeats? an id|could be the table|join|too few|is of other data",
}
"""Why the others cannot be drafted, told by what the sentence says."""


def origin_of(competition: Competition) -> Origin:
    pages = {"Description": competition.description}
    return Origin(
        id=f"drafted-{competition.id}",
        title=competition.facts.title,
        source="kaggle",
        metric=competition.facts.metric.name,
        pages=pages,
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path / "competitions"))
    return tmp_path


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in IDS])
def test_a_draft_scores_as_our_own_folder_or_says_what_is_not_to_be_seen(name: str, cases: Cases, home: Path) -> None:
    ours = Registry(edition="v2").get_competition(name)
    raw = cases.raw(name, SIZE)
    try:
        found = draft(raw, origin_of(ours))
    except CannotDraft as refusal:
        assert name not in DRAFTED, refusal
        assert "\n" not in str(refusal)
        assert any(re.search(pattern, str(refusal)) for pattern in REASONS.values()), refusal
        return
    write_draft(found, home / "competitions" / found.origin.id)
    made = Registry(home / "data", "v2").get_competition(found.origin.id)
    prepare(made, raw, mock=True)
    assert_contract_holds(made, raw, home)
    assert_scores_agree(made, ours.grader, found.metric.submits)


def assert_contract_holds(made: Competition, raw: Path, home: Path) -> None:
    case, public = contract.Case(made, raw, home), Public(made)
    of_case = {**contract.CHECKS, **contract.ON_SMALL}
    found = {name: todo for name, holds in of_case.items() if (todo := holds(case))}
    found |= {name: todo for name, holds in task_text.OF_DATA.items() if (todo := holds(public))}
    found |= {name: todo for name, holds in task_text.OF_TEXT.items() if (todo := holds(made))}
    assert found == {}


def assert_scores_agree(made: Competition, ours: Grader, submits: str) -> None:
    answers = as_read_from_csv(made.answers_table, list(made.grader.id_columns))
    for kind, submission in submissions(made, answers, submits):
        score = made.grader.score(submission, made.answers_table)
        same = ours.score(named_as_ours(submission, made.grader, ours), named_as_ours(answers, made.grader, ours))
        assert score == pytest.approx(same, abs=1e-5), kind


def submissions(made: Competition, answers: pd.DataFrame, submits: str) -> Iterator[tuple[str, pd.DataFrame]]:
    rng = np.random.default_rng(0)
    targets = [column for column in answers if column not in made.grader.id_columns]
    yield "perfect", made.grader.perfect_submission(made.answers_table).astype(str)
    yield "sample", pd.read_csv(made.sample_submission, dtype=str, keep_default_na=False)
    for number in range(3):
        noisy = answers.copy()
        if "probabilities" in submits:
            drawn = rng.random((len(answers), len(targets))) * 0.98 + 0.01
            noisy[targets] = (
                drawn / drawn.sum(axis=1, keepdims=True) if submits == "class probabilities" and len(targets) > 1 else drawn
            )
        else:
            for column in targets:
                noisy[column] = rng.permutation(noisy[column].to_numpy())
        yield f"noisy {number}", noisy.astype(str)


def as_read_from_csv(table: pd.DataFrame, ids: list[str]) -> pd.DataFrame:
    return table.astype(dict.fromkeys(ids, str))


def named_as_ours(table: pd.DataFrame, theirs: Grader, ours: Grader) -> pd.DataFrame:
    """The same table under the names that our own folder has for ids and targets."""
    ids = list(theirs.id_columns)
    keys = table[ids] if len(ids) == len(ours.id_columns) else table[ids].astype(str).agg("_".join, axis=1).to_frame()
    keys = keys.set_axis(list(ours.id_columns), axis=1)
    values = table.drop(columns=ids)
    wanted = ours.columns if isinstance(ours.columns, dict) else {}
    if len(wanted) == len(values.columns) and {*wanted} != {*values.columns}:
        values = values.set_axis(list(wanted), axis=1)
    return keys.join(values)


def test_most_tables_and_image_classifications_are_drafted() -> None:
    assert len(DRAFTED) >= 35
    assert {*IDS} >= DRAFTED
