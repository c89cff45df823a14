"""The overview and the page of a group in a real browser: widths, themes, contrast, keyboard, names, print."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import mlebench.reports
from mlebench.reports.markup import linked_page
from mlebench.reports.view.group_page import make_group
from mlebench.reports.view.overview_page import make_overview
from mlebench.reports.view.view import Page as LivePage
from mlebench.runs.harness_status import HarnessStatus
from tests.browser import Page, open_browser
from tests.reports.view.scenes import START, a_group, unreadable, view_of

AT_WORK = HarnessStatus(START.isoformat(), slots=4, seconds_left=5400)
PAUSED = HarnessStatus(START.isoformat(), is_paused=True)
STATES = (
    *("gold", "silver", "bronze", "above", "none", "mock", "invalid", "missing", "failed", "lost", "damaged", "cancelled"),
    *("not-graded", "timed-out", "running", "starting", "queued", "hostile"),
)
NAMES = [f"a-competition-with-a-long-name-{number:02}" for number in range(25)]
STATIC = Path(mlebench.reports.__file__).parent
WIDTHS, SCHEMES = (360, 800, 1300), ("light", "dark")

Show = Callable[[str], Page]


def pages() -> dict[str, LivePage | None]:
    """Pages with groups and runs in every state."""
    full = a_group("2026-03-01T12-00-00_tree-search-with-a-long-name", STATES, competitions=NAMES, seeds=3, harness=AT_WORK)
    wide = a_group("wide", STATES, competitions=NAMES[:3], seeds=134)
    view = view_of(
        full,
        wide,
        a_group("paused", ["gold", "queued"], harness=PAUSED),
        a_group("done", ["gold", "lost"]),
        a_group("imported", ["gold", "invalid"], imported=True),
        unreadable(),
    )
    return {
        "overview": make_overview(view, {}),
        "filtered": make_overview(view, {"medal": "any", "sort": "-usd"}),
        "empty": make_overview(view_of(), {}),
        "group": make_group(view, {}, full.name),
        "wide": make_group(view, {}, "wide"),
        "imported": make_group(view, {}, "imported"),
        "unreadable": make_group(view, {}, "broken"),
    }


PAGES = ("overview", "filtered", "empty", "group", "wide", "imported", "unreadable")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each page as a file, beside its style sheet and its script."""
    folder = tmp_path_factory.mktemp("pages")
    for name in ("page.css", "page.js"):
        (folder / name).write_bytes((STATIC / name).read_bytes())
    for name, made in pages().items():
        assert made is not None
        crumbs = made.crumbs
        text = linked_page(made.title, made.lead, made.sections, style="page.css", scripts=["page.js"], crumbs=crumbs)
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def show(browser: Page, folder: Path) -> Show:
    """Opens a page by its name."""

    def show(name: str) -> Page:
        browser.errors.clear()
        browser.requests.clear()
        browser.open(folder / f"{name}.html")
        return browser

    browser.resize(1300, 900)
    browser.prefer("light")
    return show


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways(show: Show, tmp_path: Path, name: str, width: int, scheme: str) -> None:
    page = show(name)
    page.resize(width, 900)
    page.prefer(scheme)

    assert page.run("document.documentElement.scrollWidth") <= width
    page.screenshot(tmp_path / f"{name}-{width}-{scheme}.png")
    assert page.errors == []
    assert {address.rpartition("/")[2] for address in page.requests} <= {f"{name}.html", "page.css", "page.js", "data:,"}


@pytest.mark.parametrize("name", ["overview", "filtered", "group"])
def test_no_table_of_a_list_needs_a_scroll_bar_on_a_wide_screen(show: Show, name: str) -> None:
    page = show(name)

    widths = page.run(
        "[...document.querySelectorAll('table[role=table]')].map((table) => [table.scrollWidth, table.parentNode.clientWidth])"
    )

    assert widths and all(inner <= outer for inner, outer in widths)


CONTRASTS = """
(() => {
  const channels = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const behind = (element) => {
    for (let place = element; place; place = place.parentElement) {
      const found = channels(getComputedStyle(place).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const texts = [], marks = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest(".unseen, script, title, svg")) continue;
    texts.push([contrast(channels(getComputedStyle(element).color), behind(element)), walker.currentNode.data.trim()]);
  }
  for (const element of document.querySelectorAll(".look")) {
    const style = getComputedStyle(element), paper = behind(element.parentElement);
    const own = Math.max(contrast(channels(style.backgroundColor), paper), contrast(channels(style.borderTopColor), paper));
    marks.push([own, element.className]);
  }
  for (const part of document.querySelectorAll(".bar rect")) {
    const style = getComputedStyle(part), paper = behind(part.closest("svg"));
    const own = Math.max(contrast(channels(style.fill), paper), contrast(channels(style.stroke), paper));
    marks.push([own, part.getAttribute("class")]);
  }
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, button")) {
    marks.push([contrast(channels(getComputedStyle(field).borderTopColor), behind(field.parentElement)), field.tagName]);
  }
  return [texts, marks];
})()
"""


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["overview", "filtered", "group"])
def test_texts_and_marks_stand_out(show: Show, name: str, scheme: str) -> None:
    page = show(name)
    page.prefer(scheme)

    texts, marks = page.run(CONTRASTS)

    assert len(texts) > 50 and len(marks) > 10
    assert [entry for entry in texts if entry[0] < 4.5] == []
    assert [entry for entry in marks if entry[0] < 3] == []


def test_no_two_kinds_of_runs_are_told_apart_by_colour_alone(show: Show) -> None:
    page = show("group")

    signs = page.run(
        """[...new Set([...document.querySelectorAll('#grid .look')].map((cell) => {
             const kind = [...cell.classList].find((name) => name.startsWith('is-'));
             return `${kind} ${(cell.querySelector('[aria-hidden]') ?? cell).textContent}`;
           }))]"""
    )

    kinds, shown = zip(*(entry.split(" ") for entry in signs), strict=True)
    assert len(set(shown)) == len(shown), "a sign stands for one thing"
    assert set(kinds) >= {"is-gold", "is-no-medal", "is-failed", "is-infrastructure", "is-running", "is-queued"}


@pytest.mark.parametrize("name", ["overview", "group"])
def test_the_tab_key_reaches_everything(show: Show, name: str) -> None:
    page = show(name)
    wanted = page.run(
        """(() => {
             const all = [...document.querySelectorAll('a[href], input:not([type=hidden]), select, button, .scroll')];
             all.forEach((element, place) => { element.dataset.place = place; });
             return all.length;
           })()"""
    )

    reached: list[str] = []
    for _ in range(wanted + 5):
        for kind in ("keyDown", "keyUp"):
            page.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        if place := page.run("document.activeElement.dataset.place"):
            reached.append(place)

    assert set(map(int, reached)) == set(range(wanted))


@pytest.mark.parametrize("name", PAGES)
def test_headings_and_landmarks_are_in_order(show: Show, name: str) -> None:
    page = show(name)

    levels = page.run("[...document.querySelectorAll('h1, h2, h3, h4')].map((heading) => Number(heading.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert page.run("[...document.body.children].map((part) => part.tagName).slice(0, 2)") == ["HEADER", "MAIN"]
    unnamed = page.run(
        """[...document.querySelectorAll('nav, form, [role=region]')].filter((part) => !part.ariaLabel)
             .concat([...document.querySelectorAll('table')].filter((table) => !table.caption))
             .concat([...document.querySelectorAll('input:not([type=hidden]), select')].filter((field) => !field.labels.length))
             .map((part) => part.outerHTML.slice(0, 80))"""
    )
    assert unnamed == []


@pytest.mark.parametrize("width", WIDTHS)
def test_tables_stay_tables_for_those_who_hear_them_even_as_cards(show: Show, width: int) -> None:
    page = show("overview")
    page.resize(width, 900)

    nodes = page.call("Accessibility.getFullAXTree")["nodes"]

    roles = [node["role"]["value"] for node in nodes if not node.get("ignored") and "role" in node]
    assert roles.count("table") == 1
    assert roles.count("columnheader") == 13
    # a heading, six groups, and what is said of four of them
    assert roles.count("row") == 1 + 6 + 4


def test_cells_are_called_what_they_mean(show: Show) -> None:
    page = show("group")

    nodes = page.call("Accessibility.getFullAXTree")["nodes"]

    names = {node["name"]["value"] for node in nodes if node.get("role", {}).get("value") == "link" and "name" in node}
    assert f"{NAMES[0]} seed 0: gold medal, score 0.9" in names
    assert any(re.fullmatch(r".* seed \d: running, .*", name) for name in names)


def test_many_seeds_scroll_inside_the_grid_alone(show: Show) -> None:
    page = show("wide")

    assert page.run("(() => { const grid = document.querySelector('.grid'); return grid.scrollWidth > 2 * grid.clientWidth; })()")
    left = "document.querySelector('.grid tbody th').getBoundingClientRect().left"
    before = page.run(left)
    page.run("document.querySelector('.grid').scrollLeft = 1000")
    assert page.run(left) == before, "names stay in view"


def test_three_seeds_fit_three_tables_on_a_wide_screen(show: Show) -> None:
    page = show("group")

    tops = page.run("[...document.querySelectorAll('#grid table')].map((table) => table.getBoundingClientRect().top)")

    assert len(tops) == 3 and len(set(tops)) == 1
    heights = page.run("[...document.querySelectorAll('#grid tbody tr')].map((row) => row.getBoundingClientRect().height)")
    assert max(heights) < 1.5 * min(heights), "long names take one line"


@pytest.mark.parametrize("name", ["overview", "group"])
def test_all_of_it_is_printed(show: Show, name: str) -> None:
    page = show(name)
    assert page.pdf().startswith(b"%PDF")

    page.resize(794, 1123)
    page.call("Emulation.setEmulatedMedia", media="print")
    try:
        cut = page.run(
            """[...document.querySelectorAll('td, th, .cards li')].filter((cell) => {
                 const box = cell.getBoundingClientRect();
                 return box.width > 1 && (box.left < 0 || box.right > innerWidth + 1);
               }).map((cell) => cell.textContent.slice(0, 40))"""
        )
        assert cut == []
        assert page.run("document.querySelectorAll('thead th').length") > 0
        assert page.run("getComputedStyle(document.querySelector('table tr')).display") == "table-row", "no cards on paper"
    finally:
        page.call("Emulation.setEmulatedMedia", media="")
