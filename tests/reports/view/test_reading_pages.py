"""The pages that are read, in a real browser: conversation, code and comparisons, at three widths and in both themes."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlebench
from mlebench.reports.markup import linked_page
from mlebench.reports.view import view as live
from mlebench.reports.view.code_comparison_page import make_code_comparison
from mlebench.reports.view.code_page import make_code
from mlebench.reports.view.comparison_page import make_comparison
from mlebench.reports.view.conversation_page import make_conversation
from tests.browser import Page, open_browser
from tests.exports.recorded import Recording
from tests.exports.recorded import make_group as make_recorded_group
from tests.exports.requests import Agent, Result, Said, User, request
from tests.gateway import answers
from tests.reports.view.groups import HOSTILE, make_group, view_of, write_code

REPORTS = Path(mlebench.__file__).parent / "reports"
WIDE = "w" * 500
NAMES = ("conversation", "code", "comparison", "code_comparison", "unified")
CODE = f'import os  # {HOSTILE}\n\n\ndef fold(rows):\n    """{WIDE}"""\n    return [row for row in rows if row > 1]\n'


def record_conversation(runs_dir: Path) -> None:
    recording = Recording(make_recorded_group(runs_dir, "talk"))
    said: list[Said] = [User(f"Solve it. {HOSTILE}\n" + "word " * 1_000)]
    for n in range(4):
        command = f"python train.py --fold {n} {WIDE} {HOSTILE}"
        recording.call(
            "chat", request("chat", "rules " * 300, said), answers.Said(tool=("bash", {"command": command})), seconds=3
        )
        said += [Agent("", command, "call_1"), Result(f"score {n}\n{HOSTILE}\n{WIDE}", "call_1")]
    recording.call("chat", request("chat", "helper", [User(HOSTILE)]), answers.Said(f"# {HOSTILE}\n```\n{WIDE}\n```"))
    recording.call("chat", {}, None, keep=False, outcome="refused", status=429, reason=HOSTILE)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages as files, with the style sheet beside them."""
    folder, runs_dir = tmp_path_factory.mktemp("pages"), tmp_path_factory.mktemp("runs")
    record_conversation(runs_dir)
    words = ("gold", "none", "silver", "invalid", "above", "missing")
    names = ("spaceship-titanic", "nomad2018-predict-transparent-conductors", "dog-breed-identification")
    for place, name in enumerate(("first-group-with-a-long-name", "second")):
        outcomes = {one: {seed: words[(seed + place + len(one)) % 6] for seed in range(3)} for one in names}
        group = make_group(runs_dir, name, outcomes, calls=3, cost_usd=1.5)
        changed = CODE.replace("rows", "lines") if place else CODE
        write_code(group, "spaceship-titanic_seed0", {"train.py": changed, f"{place}<b>\n.py": "x = 1\n"})
    view = view_of(runs_dir)
    run = "spaceship-titanic_seed0"
    both = {"first": f"first-group-with-a-long-name/{run}", "second": f"second/{run}", "file": "code/train.py"}
    made = {
        "conversation": make_conversation(view, {}, "talk", "toy-a_seed0"),
        "code": make_code(view, {}, "second", run),
        "comparison": make_comparison(view, {"first": "first-group-with-a-long-name", "second": "second"}),
        "code_comparison": make_code_comparison(view, both),
        "unified": make_code_comparison(view, {**both, "layout": "unified"}),
    }
    for name in ("page.css", "page.js"):
        shutil.copy(REPORTS / name, folder)
    return {name: write(page, folder / f"{name}.html") for name, page in made.items()}


def write(page: live.Page | None, path: Path) -> Path:
    assert page is not None
    html = linked_page(page.title, page.lead, page.sections, style="page.css", scripts=["page.js"], crumbs=page.crumbs)
    path.write_text(html, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


def open_at(browser: Page, path: Path, width: int = 1300, scheme: str = "light") -> None:
    browser.resize(width, 900)
    browser.prefer(scheme)
    browser.errors.clear()
    browser.requests.clear()
    browser.open(path)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 800, 1300])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_fits_and_asks_for_nothing_from_elsewhere(
    browser: Page, pages: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    open_at(browser, pages[name], width, scheme)
    assert browser.run("document.documentElement.scrollWidth - innerWidth") <= 0
    assert browser.errors == []
    here = pages[name].parent.as_uri()
    assert all(asked.startswith((here, "data:")) for asked in browser.requests)


@pytest.mark.parametrize("name", NAMES)
def test_what_an_agent_wrote_does_nothing(browser: Page, pages: dict[str, Path], name: str) -> None:
    open_at(browser, pages[name])
    assert "owned" not in browser.run("document.title").split()
    assert browser.run("document.querySelectorAll('script:not([src]), [style], [onerror], [onload], main b script').length") == 0
    assert browser.run("document.scripts.length") == 1


@pytest.mark.parametrize("name", NAMES)
def test_names_are_unique_and_links_within_the_page_lead_somewhere(browser: Page, pages: dict[str, Path], name: str) -> None:
    open_at(browser, pages[name])
    names = browser.run("[...document.querySelectorAll('[id]')].map((part) => part.id)")
    assert sorted(names) == sorted(set(names))
    links = browser.run("[...document.querySelectorAll('a[href^=\"#\"]')].map((link) => decodeURIComponent(link.hash.slice(1)))")
    assert [name for name in links if name not in names] == []
    # what opens keeps its name, so that a page that is drawn again knows it
    assert browser.run("document.querySelectorAll('details:not([id])').length") == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_control_can_be_reached_and_has_a_name(browser: Page, pages: dict[str, Path], name: str) -> None:
    open_at(browser, pages[name])
    nameless = """[...document.querySelectorAll('a[href], button, select, input, summary')].filter(
        (control) => !(control.textContent.trim() || control.labels?.length)).length"""
    assert browser.run(nameless) == 0
    levels = browser.run("[...document.querySelectorAll('h1, h2, h3')].map((heading) => Number(heading.tagName[1]))")
    assert levels[0] == 1 and all(after - before <= 1 for before, after in itertools.pairwise(levels))
    # what scrolls by itself takes the keyboard
    mute = """[...document.querySelectorAll('main *')].filter((part) => /auto|scroll/.test(getComputedStyle(part).overflowX)
        && part.scrollWidth > part.clientWidth + 1 && part.tabIndex < 0 && !part.querySelector('a, button')).length"""
    assert browser.run(mute) == 0


def test_a_call_of_a_tool_opens_and_shows_its_arguments_as_text(browser: Page, pages: dict[str, Path]) -> None:
    open_at(browser, pages["conversation"])
    assert browser.run("document.querySelector('#call-1-tool-1 dd').checkVisibility()") is False
    browser.run("document.querySelector('#call-1-tool-1 summary').click()")
    shown = browser.run("document.querySelector('#call-1-tool-1 dd').innerText")
    assert shown.startswith("python train.py --fold 0") and "<script>" in shown and "\\x1b[31mred\\u202e" in shown


def test_a_folded_text_shows_how_it_begins_until_it_is_opened(browser: Page, pages: dict[str, Path]) -> None:
    open_at(browser, pages["conversation"])
    folded = "document.querySelector('.step.user details.long')"
    beginning = f"{folded}.querySelector('.beginning').checkVisibility()"
    assert browser.run(beginning) is True
    browser.run(f"{folded}.open = true")
    assert browser.run(beginning) is False
    assert browser.run(f"{folded}.querySelector('pre').innerText").count("word") == 1_000


def test_lines_of_a_difference_stand_beside_each_other(browser: Page, pages: dict[str, Path]) -> None:
    open_at(browser, pages["code_comparison"])
    marks = browser.run("[...document.querySelectorAll('.diff del, .diff ins')].map((mark) => [mark.tagName, mark.textContent])")
    assert ["DEL", "rows"] in marks and ["INS", "lines"] in marks
    assert browser.run("document.querySelector('.diff .removed').getBoundingClientRect().top") == browser.run(
        "document.querySelector('.diff .added').getBoundingClientRect().top"
    )


def test_a_line_of_code_is_linked_and_marked(browser: Page, pages: dict[str, Path]) -> None:
    open_at(browser, pages["code"])
    browser.run("document.querySelector('#L4 a').click()")
    assert browser.run("document.querySelector('.source li:target').textContent") == "4def fold(lines):"
    keyword, plain = "document.querySelector('#L4 .hl-k')", "document.querySelector('#L4 > span')"
    assert browser.run(f"getComputedStyle({keyword}).color !== getComputedStyle({plain}).color")


def test_all_of_a_conversation_is_printed(browser: Page, pages: dict[str, Path]) -> None:
    open_at(browser, pages["conversation"])
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.run("getComputedStyle(document.querySelector('nav')).display") == "none"
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("[...document.querySelectorAll('details')].every((part) => part.open)")
    browser.call("Emulation.setEmulatedMedia", media="")
