"""The contract of a task text, held against every competition, edition and wording: it says what is in the data, and no more."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

import grading
from mlebench._support.paths import content_dir
from mlebench.registry import Registry
from mlebench.registry.facts import EditionName
from mlebench.scaffold.check import task_text
from mlebench.scaffold.check.public import Public
from mlebench.scaffold.check.task_text import FORBIDDEN
from tests.cases import Cases
from tests.competitions.test_contract import IDS, editions

PublicOf = Callable[[str, EditionName], Public]


def refusals(source: str) -> Iterator[str]:
    """The texts with which a grader refuses a submission."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "InvalidSubmission":
            yield from (part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))


def cases_of(names: Iterable[str]) -> pytest.MarkDecorator:
    """Those of one competition run in one process, which then makes no other one wait."""
    parameters = [
        pytest.param(name, edition, id=f"{name}-{edition}", marks=pytest.mark.xdist_group(name))
        for name in names
        for edition in editions(name)
    ]
    return pytest.mark.parametrize(("name", "edition"), parameters)


@pytest.fixture(scope="module")
def public_of(cases: Cases) -> PublicOf:
    made: dict[tuple[str, EditionName], Public] = {}

    def get(name: str, edition: EditionName) -> Public:
        if (name, edition) not in made:
            made.clear()
            made[name, edition] = Public(cases.prepared(name, edition))
        return made[name, edition]

    return get


@pytest.mark.parametrize("edition", ["v1", "v2"])
@pytest.mark.parametrize("name", IDS)
class TestText:
    def test_it_says_nothing_of_editions_or_of_what_runs_the_agent(self, name: str, edition: EditionName) -> None:
        assert task_text.words(Registry(edition=edition).get_competition(name)) == []

    def test_without_names_it_does_not_identify_the_competition(self, name: str, edition: EditionName) -> None:
        assert task_text.identity(Registry(edition=edition).get_competition(name)) == []

    def test_it_has_each_section(self, name: str, edition: EditionName) -> None:
        assert task_text.sections(Registry(edition=edition).get_competition(name)) == []

    def test_it_mentions_the_metric(self, name: str, edition: EditionName) -> None:
        assert task_text.metric(Registry(edition=edition).get_competition(name)) == []


@pytest.mark.parametrize("name", ["instructions.txt", "instructions_obfuscated.txt", "instructions_models.txt"])
def test_instructions_say_nothing_of_editions(name: str) -> None:
    assert FORBIDDEN.findall((content_dir("containers") / name).read_text(encoding="utf-8")) == []


def test_refusals_say_nothing_of_editions() -> None:
    graders = [Path(grading.__file__).parent, content_dir("competitions")]
    sources = [path for folder in graders for path in sorted(folder.rglob("*.py"))]
    sentences = {path: " ".join(refusals(path.read_text(encoding="utf-8"))) for path in sources}
    assert any(sentences.values())
    assert {path.name: said for path, said in sentences.items() if FORBIDDEN.search(said)} == {}


@cases_of(IDS)
class TestData:
    def test_every_file_and_folder_is_in_the_text(self, name: str, edition: EditionName, public_of: PublicOf) -> None:
        assert task_text.entries(public_of(name, edition)) == []

    def test_every_column_is_in_the_text(self, name: str, edition: EditionName, public_of: PublicOf) -> None:
        assert task_text.columns(public_of(name, edition)) == []

    def test_every_file_named_in_the_text_exists(self, name: str, edition: EditionName, public_of: PublicOf) -> None:
        assert task_text.files_named(public_of(name, edition)) == []

    def test_the_submission_in_the_text_has_the_columns_of_the_sample(
        self, name: str, edition: EditionName, public_of: PublicOf
    ) -> None:
        assert task_text.header(public_of(name, edition)) == []


@pytest.mark.parametrize("name", IDS)
def test_numbers_beside_a_file_are_its_count(name: str) -> None:
    assert task_text.counts(Registry(edition="v1").get_competition(name)) == []
