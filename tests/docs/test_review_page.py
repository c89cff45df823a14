"""What the page on reviews says is what reviews do."""

from __future__ import annotations

import re
from pathlib import Path

from mlebench.cli.commands import review as command
from mlebench.evidence.review.judging.chunks import CHARACTERS
from mlebench.evidence.review.review import CALLS_FOLDER, SIMILARITY
from mlebench.evidence.review.review_file import REVIEW_FILE
from mlebench.evidence.review.rules import RULES
from mlebench.evidence.review.similarity.comparison import FLOOR
from mlebench.evidence.review.similarity.similar_pair import LEAST_IN_PART, LEAST_SHARED, LOOK, NEARLY_ALL, VIOLATION
from mlebench.reports.review_words import WAYS
from tests.docs.test_pages import options_of, parser

TEXT = (Path(__file__).parents[2] / "docs" / "review.md").read_text(encoding="utf-8")
OF_EVERY_COMMAND = {"-h", "--help", "-q", "--quiet", "-v", "--verbose", "--jobs", "--data-dir", "--runs-dir", "--split-key"}


def section(title: str) -> str:
    found: list[str] = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, flags=re.DOTALL | re.MULTILINE)
    assert len(found) == 1, title
    return found[0]


def cells(text: str) -> list[list[str]]:
    """The cells of a table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def first_cells(text: str) -> list[str]:
    return [row[0] for row in cells(text)]


def test_each_rule_has_its_row_in_the_order_of_rules() -> None:
    assert first_cells(section("The rules")) == [f"`{name}`" for name in RULES]


def test_every_option_of_its_own_is_named() -> None:
    own = set(options_of(parser("review"))) - OF_EVERY_COMMAND
    assert {option for option in own if f"{option}" not in TEXT} == {"--details", "--output", "--models"}
    assert command.__doc__ and SIMILARITY in command.__doc__


def test_bounds_of_similar_code_are_those_that_hold() -> None:
    bounds = {NEARLY_ALL: LEAST_IN_PART, VIOLATION: LEAST_SHARED, LOOK: LEAST_SHARED, FLOOR: LEAST_SHARED // 2}
    expected = [[f"from {extent:.0%}".replace("%", " %"), f"{least} fingerprints"] for extent, least in bounds.items()]
    assert [row[:2] for row in cells(section("Similar code"))] == expected


def test_chunks_and_files_are_as_named() -> None:
    assert f"at most {CHARACTERS:,} characters" in section("Judges")
    assert f"`{CALLS_FOLDER}/`" in section("Judges") and f"`{REVIEW_FILE}`" in section("In reports")


def test_ways_of_seeing_figures_are_those_of_reports() -> None:
    assert first_cells(section("In reports")) == list(WAYS.values())
