"""The task text of a draft: it names what is public, keeps what the pages explain, and leaves the contest out."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from mlebench.scaffold.check.task_text import FORBIDDEN
from mlebench.scaffold.check.wording import Text, file_like
from mlebench.scaffold.draft.origin import Origin
from mlebench.scaffold.draft.written import description_source, licence_note
from mlebench.scaffold.draft.written.pages import Rules, meanings, prose
from tests.cases import Cases
from tests.scaffold.draft.written.drafts import Drafted, cacti, calls, dogs, leaves, observations, passengers, readings, strange

PAGES = {
    "Description": (
        "# Widgets of Zanzibar\n\nPredict which widget breaks first. <b>Every widget</b> has a serial plate.\n\n"
        "The Zanzibar Institute built them. Join the Kaggle forum for help! See [the paper](https://example.com/x).\n\n"
        "![logo](https://example.com/logo.png)\n\n<script>alert('x')</script>\n\n"
        "Plates are in widgets_meta.csv, which you need. There are 12,345 images in the training set.\n\n"
        "## Prizes\n\nFirst place gets a boat.\n\n## Timeline\n\n- May 5: entry deadline\n\n"
        "## Background\n\n- wear comes with age\n"
        "- heat makes it worse\n"
    ),
    "Evaluation": "Entries are scored by accuracy, the share of right labels.\n\n## Submission File\n\nWrite `id,target`.",
    "Data Description": (
        "- **HomePlanet** - The planet of departure. Usually that of residence.\n- `Cabin`: deck/num/side of the cabin\n"
        "| Age | age in years |\n\n`Spa, VRDeck` - amount billed at the amenity. Download train.zip first."
    ),
}


def texts(drafted: Drafted, **origin: object) -> tuple[str, str]:
    draft = dataclasses.replace(drafted.draft, origin=dataclasses.replace(drafted.draft.origin, **origin))
    plain, obfuscated = (description_source(draft, drafted.raw, obfuscated=hidden) for hidden in (False, True))
    return plain, obfuscated


@pytest.fixture(params=["passengers", "observations", "dogs", "cacti", "readings", "calls", "leaves"], scope="module")
def drafted(request: pytest.FixtureRequest, cases: Cases, tmp_path_factory: pytest.TempPathFactory) -> Drafted:
    shared = {"passengers": passengers, "observations": observations, "dogs": dogs, "cacti": cacti}
    own = {"readings": readings, "calls": calls, "leaves": leaves}
    return shared[request.param](cases) if request.param in shared else own[request.param](tmp_path_factory.mktemp("own") / "raw")


def test_names_every_public_file_and_column_and_no_other_file(drafted: Drafted) -> None:
    from mlebench.scaffold.draft.layout import all_columns, public_entries, submitted_columns

    for whole in texts(drafted, pages=PAGES):
        text = Text(whole)
        entries = public_entries(drafted.draft)
        assert [entry for entry in entries if not text.mentions(entry)] == []
        assert text.undescribed([*all_columns(drafted.draft), *submitted_columns(drafted.draft)]) == []
        named = {re.sub(r"<.*", "", name) for name in file_like(text.spans)}
        assert named <= {*entries}
        assert FORBIDDEN.findall(whole) == []


def test_has_the_sections_of_a_task_text(drafted: Drafted) -> None:
    for whole in texts(drafted):
        assert re.findall(r"^## (.+)$", whole, re.MULTILINE) == ["Task", "Files", "Training and test set", "Submission", "Metric"]


def test_pages_are_kept_where_they_explain_the_task_alone(cases: Cases) -> None:
    whole, _ = texts(passengers(cases), pages=PAGES)
    assert "Predict which widget breaks first. Every widget has a serial plate." in whole
    assert "- wear comes with age\n- heat makes it worse" in whole
    for gone in ("forum", "example.com", "alert", "widgets_meta", "12,345", "boat", "deadline", "id,target", "train.zip"):
        assert gone not in whole
    assert "scored by accuracy, the share of right labels" in whole


def test_meanings_of_columns_come_from_the_pages(cases: Cases) -> None:
    whole, _ = texts(passengers(cases), pages=PAGES)
    assert "- `HomePlanet`: The planet of departure. Usually that of residence\n" in whole
    assert "- `Cabin`: deck/num/side of the cabin\n" in whole
    assert "- `Age`: age in years\n" in whole
    assert "- `VRDeck`: amount billed at the amenity\n" in whole
    assert "- `VIP`: True or False; some cells are empty\n" in whole


def test_obfuscated_text_says_neither_title_nor_proper_names(cases: Cases) -> None:
    _, whole = texts(passengers(cases), pages=PAGES)
    assert "Predict which" not in whole
    assert "- heat makes it worse" in whole
    assert re.findall(r"zanzibar|widget|institute|kaggle|https?:|Europa", whole, re.IGNORECASE) == []


def test_example_submission_has_the_header_and_made_up_rows(drafted: Drafted) -> None:
    from mlebench.scaffold.draft.layout import submitted_columns
    from mlebench.scaffold.draft.written.labelled import labelled_rows

    whole, _ = texts(drafted)
    example = whole.partition("## Submission")[2].split("```")[1].strip().splitlines()
    assert example[0] == ",".join([*drafted.draft.ids, *submitted_columns(drafted.draft)])
    ids = [line.split(",")[0] for line in example[1:]]
    assert len(set(ids)) == 3
    real = set(labelled_rows(drafted.draft, drafted.raw).values[drafted.draft.ids[0]].astype(str))
    assert not real & {name for name in ids if not name.isdigit()}


def test_rows_that_stay_together_are_told(cases: Cases) -> None:
    assert (
        "Rows with the same part 1 of `PassengerId` are either all in the training set or all in the test set."
        in texts(passengers(cases))[0]
    )


def test_markup_in_names_and_titles_does_no_harm(tmp_path: Path) -> None:
    whole, _ = texts(strange(tmp_path / "raw"), title="<img src=x onerror=alert(1)>\n# Other")
    assert "<img" not in whole
    assert "\n# Other" not in whole
    text = Text(whole)
    assert all(text.names(name) for name in ("{x!r}", "a`b", "scans/image.png", "def"))
    assert "scans/image.png" not in text.spans


def test_prose_keeps_what_looks_like_no_tag() -> None:
    rules = Rules(files=(), columns=())
    assert (
        prose("The rate a < b holds. <iframe src='x'>no</iframe>Use `code` here.", rules)
        == "The rate a < b holds. Use code here."
    )
    assert prose("x <y onclick=z() w", rules) == "x &lt;y onclick=z() w"


def test_meanings_take_only_lines_that_begin_with_a_column() -> None:
    rules = Rules(files=("train.csv",), columns=("age", "sex"))
    assert meanings("* age - in years\n* train.csv - the rows\nthe sex: of it\n- Sex (M/F): of the person", rules) == {
        "age": "in years",
        "sex": "of the person",
    }


def test_licence_note_says_whose_text_it_is(cases: Cases) -> None:
    draft = passengers(cases).draft
    assert "Do not redistribute it." in licence_note(draft)
    own = dataclasses.replace(draft, origin=Origin(id="patients", title="Patients", source="folder"))
    assert "data of your own" in licence_note(own)
    assert "Kaggle" not in licence_note(own)
