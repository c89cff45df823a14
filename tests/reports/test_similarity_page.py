"""The page of code that is alike, in a real browser with the network off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlebench.evidence.review.similarity.code_set import Side
from mlebench.evidence.review.similarity.similar_pair import SimilarPair
from mlebench.evidence.review.similarity.similarities import Similarities
from mlebench.evidence.review.similarity.stretches import Lines, Stretch
from mlebench.reports.similarity_page import similarity_page, write_similarity_page
from tests.browser import Page, open_browser

RUN = Side("run", "toy_seed0", "group", "toy", "agent")
SECOND = Side("run", "toy_seed1", "group", "toy", "agent")
NOTEBOOK = Side("notebook", 'ada__<b onclick="x()">best.ipynb')
CODE, PLAIN = "toy_seed0/code/solve.py", "toy_seed0/code/other.py"


def numbered(count: int, what: str) -> str:
    return "\n".join(f"{what}_{place} = '<script>document.title=\"taken\"</script>'" for place in range(1, count + 1))


def stretch(file: str, first: int, last: int, there: int) -> Stretch:
    return Stretch(Lines(file, first, last), Lines(NOTEBOOK.name, there, there + last - first), 10 * (last - first))


PAIR = SimilarPair(
    RUN, NOTEBOOK, 0.72, 0.8, 0.65, 80, [stretch(CODE, 10, 30, 900), stretch(PLAIN, 2, 8, 100), stretch(CODE, 40, 45, 300)]
)
BELOW = SimilarPair(RUN, Side("notebook", "bob__other.py"), 0.07, 0.1, 0.06, 9, [])
WITHIN = SimilarPair(RUN, SECOND, 0.99, 1, 0.98, 200, [])
SIMILARITIES = Similarities(
    [WITHIN, PAIR, BELOW],
    0.5,
    {"group": [RUN.name, SECOND.name]},
    2,
    ["1 file of group toy_seed0 left out"],
    {(RUN, CODE): numbered(60, "mine"), (RUN, PLAIN): numbered(20, "more"), (NOTEBOOK, NOTEBOOK.name): numbered(2000, "theirs")},
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "new" / "similarity.html"
    write_similarity_page(SIMILARITIES, path)
    return path


@pytest.fixture(scope="module")
def page(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        page.resize(1280, 900)
        page.open(path)
        yield page


def test_it_needs_nothing_else_and_obeys_nothing_that_it_shows(page: Page, path: Path) -> None:
    page.open(path)
    assert set(page.requests) <= {path.as_uri(), "data:,"}
    assert page.errors == []
    assert page.run("document.title") == "Similarity of code"
    assert page.run("document.querySelectorAll('main script, main b').length") == 0
    assert '<b onclick="x()">best.ipynb' in page.run("document.querySelector('#pairs').innerText")


def test_the_table_holds_every_pair_and_sorts(page: Page) -> None:
    rows = "[...document.querySelectorAll('#pairs tbody tr')].map((row) => row.cells[3].textContent)"
    assert page.run(rows) == ["99%", "72%", "7%"]
    assert page.run("[...document.querySelectorAll('#pairs tbody tr')].map((row) => row.cells[2].textContent)") == [
        "–",
        "violation",
        "–",
    ]
    page.run("document.querySelectorAll('#pairs thead button')[3].click()")
    assert page.run(rows) == ["7%", "72%", "99%"]


def test_texts_are_side_by_side_with_what_is_the_same_in_one_colour(page: Page) -> None:
    assert page.run("document.querySelectorAll('.pair').length") == 1
    colours = page.run(
        "[...document.querySelectorAll('.side')].map((side) => [...new Set([...side.querySelectorAll('[data-stretch]')]"
        ".map((line) => `${line.dataset.stretch} ${getComputedStyle(line).borderLeftColor}`))].sort())"
    )
    assert colours[0] == colours[1] and len(colours[0]) == 3
    assert len({colour.split(" ", 1)[1] for colour in colours[0]}) == 3
    lines = page.run(
        "[...document.querySelectorAll('.side')].map((side) => side.querySelectorAll('[data-stretch=\"0\"]').length)"
    )
    assert lines == [21, 21]
    assert page.run("document.querySelector('.side').getBoundingClientRect().right < innerWidth / 2 + 1")


def test_long_texts_are_shown_around_what_is_the_same(page: Page) -> None:
    lines = page.run("document.querySelectorAll('.side')[1].querySelectorAll('li:not(.gap)').length")
    assert lines == (7 + 6 + 21) + 3 * 30
    assert page.run("document.querySelectorAll('.side')[0].querySelectorAll('li.gap').length") == 0


@pytest.mark.parametrize(("clicked", "scrolled", "number"), [(0, 1, 0), (0, 1, 2), (1, 0, 1)])
def test_a_click_scrolls_the_other_text_to_the_same(page: Page, clicked: int, scrolled: int, number: int) -> None:
    sides = "document.querySelectorAll('.side')"
    page.run(f"{sides}[{scrolled}].scrollTop = 0")
    line = f"{sides}[{clicked}].querySelector('[data-stretch=\"{number}\"]')"
    same = f"{sides}[{scrolled}].querySelector('[data-stretch=\"{number}\"]')"
    page.run(f"{line}.scrollIntoView({{block: 'center'}})")
    before = page.run("scrollY")
    page.run(f"{line}.querySelector('a').click()")
    place = page.run(f"{same}.getBoundingClientRect().top - {sides}[{scrolled}].getBoundingClientRect().top")
    height = page.run(f"{sides}[{scrolled}].clientHeight")
    assert 0 <= place < height
    assert page.run("scrollY") == before
    assert page.run(f"{same}.classList.contains('shown') && {line}.classList.contains('shown')")


def test_it_fits_a_phone_and_prints(page: Page) -> None:
    page.resize(390, 800)
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    assert page.pdf().startswith(b"%PDF")
    page.resize(1280, 900)


def test_nothing_alike_is_said() -> None:
    assert "No two runs share much code." in similarity_page(Similarities([], 0.5, {"group": ["toy_seed0"]}, 0))
