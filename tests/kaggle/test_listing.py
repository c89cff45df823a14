"""What Kaggle lists about a competition, read through the real client."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mlebench.errors import NotOnKaggle, UsageError
from mlebench.kaggle.client import KaggleService
from mlebench.kaggle.listing import Listing, slug_of
from mlebench.kaggle.patience import Patience
from tests.kaggle.conftest import TABLE
from tests.kaggle.loopback import Contest, Fault, LoopbackKaggle
from tests.kaggle.own_contests import own_contest, own_pages


def facts(slug: str) -> Listing:
    return KaggleService().competition_facts(slug, Patience())


def test_every_fact_arrives(kaggle: LoopbackKaggle) -> None:
    kaggle.contests["new-lamps"] = Contest(
        title="New Lamps for Old",
        deadline="2026-03-31T23:59:00Z",
        metric="Log Loss",
        category="Featured",
        tags=["tabular", "binary classification"],
        teams=1234,
        awards_points=True,
        is_code=True,
    )
    found = facts("new-lamps")
    assert (found.id, found.title, found.category) == ("new-lamps", "New Lamps for Old", "Featured")
    assert found.deadline == datetime(2026, 3, 31, 23, 59, tzinfo=UTC)
    assert (found.metric, found.teams, found.is_code_competition, found.board) == ("Log Loss", 1234, True, "medals")
    assert (found.organization, found.reward, found.entered) == ("Somebody", "Knowledge", True)
    assert found.tags == ("tabular", "binary classification") and found.licence == "Subject to Competition Rules"


def test_a_competition_that_says_little_has_few_facts(kaggle: LoopbackKaggle) -> None:
    kaggle.contests["quiet"] = Contest(deadline=None)
    found = facts("quiet")
    assert (found.metric, found.deadline, found.modality, found.board) == (None, None, "unknown", "none")


def test_the_list_helps_where_the_entry_is_not_shown(kaggle: LoopbackKaggle) -> None:
    kaggle.contests[TABLE].metric = "Categorization Accuracy"
    kaggle.fail("GetCompetition", Fault(status=404))
    assert facts(TABLE).metric == "Categorization Accuracy"


def test_what_kaggle_does_not_know_is_said(kaggle: LoopbackKaggle) -> None:
    with pytest.raises(NotOnKaggle, match="no-such-thing"):
        facts("no-such-thing")


@pytest.mark.parametrize(
    ("tags", "modality"),
    [
        (["tabular", "classification"], "tabular"),
        (["computer vision", "tabular"], "image"),
        (["nlp"], "text"),
        (["Audio Classification"], "audio"),
        (["video data"], "video"),
        (["time series analysis"], "tabular"),
        (["context", "biography"], "unknown"),
        ([], "unknown"),
    ],
)
def test_the_kind_of_data_is_guessed_from_whole_words_of_the_tags(kaggle: LoopbackKaggle, tags: list[str], modality: str) -> None:
    kaggle.contests[TABLE].tags = tags
    assert facts(TABLE).modality == modality


def test_files_come_with_their_sizes_from_all_pages(kaggle: LoopbackKaggle) -> None:
    kaggle.contests[TABLE] = own_contest("aerial-cactus-identification")
    files = dict(KaggleService().data_files(TABLE, Patience()))
    assert {"train.csv", "sample_submission.csv"} <= files.keys() and all(files.values())
    kaggle.rows_per_page = 1
    assert dict(KaggleService().data_files(TABLE, Patience())) == files


@pytest.mark.parametrize(
    "word",
    [
        "new-lamps",
        " new-lamps ",
        "https://www.kaggle.com/competitions/new-lamps",
        "https://www.kaggle.com/competitions/new-lamps/overview/evaluation?x=1#y",
        "kaggle.com/c/new-lamps/",
    ],
)
def test_a_slug_may_be_given_as_an_address(word: str) -> None:
    assert slug_of(word) == "new-lamps"


@pytest.mark.parametrize(
    "word",
    ["", "new lamps", "../new-lamps", "https://example.org/competitions/new-lamps", "https://www.kaggle.com/datasets/a/b", "-x"],
)
def test_anything_else_is_refused_with_an_example(word: str) -> None:
    with pytest.raises(UsageError, match="such as `spaceship-titanic`"):
        slug_of(word)


def test_the_pages_of_an_own_competition_have_all_of_its_text() -> None:
    text = "# A\n\nintro\n\n## Task\n\nt\n\n## Files\n\nf\n\n## Metric\n\nm\n\n## Submission\n\ns\n"
    pages = {page["name"]: page["content"] for page in own_pages(text)}
    assert pages == {
        "Description": "# A\n\nintro\n\n## Task\n\nt\n\n",
        "Evaluation": "## Metric\n\nm\n\n## Submission\n\ns\n",
        "data-description": "## Files\n\nf\n\n",
    }
