"""The glossary explains each word once, in alphabetical order, and only words that other pages use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "glossary.md"
ENTRIES = re.findall(r"^- \*\*(.+?)\*\*: (.+(?:\n  .+)*)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
"""Terms, and what each one means."""
GROUP_IS_SHORT_FOR = "short for run group."


def test_terms_are_sorted_and_unique() -> None:
    terms = [term for term, _ in ENTRIES]
    assert len(terms) > 40
    assert terms == sorted(set(terms))


def test_every_item_of_the_list_is_an_entry() -> None:
    assert len(re.findall(r"^- ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)) == len(ENTRIES)


@pytest.mark.parametrize(("term", "meaning"), ENTRIES, ids=[term for term, _ in ENTRIES])
def test_a_term_is_explained_briefly_and_links_to_more(term: str, meaning: str) -> None:
    assert len(re.findall(r"[.!?](?= |$|\n)", meaning)) <= 3
    assert meaning == GROUP_IS_SHORT_FOR or re.search(r"\]\([a-z-]+\.md(#[\w-]+)?\)", meaning), f"{term} links to no page"


@pytest.mark.parametrize("term", [term for term, _ in ENTRIES])
def test_a_term_is_used_on_another_page(term: str) -> None:
    word = re.compile(rf"\b{term}s?\b".replace("ys?", "(?:y|ies)").replace(" ", r"\s+"), re.IGNORECASE)
    assert any(word.search(page.read_text(encoding="utf-8")) for page in DOCS.glob("*.md") if page != PAGE)
