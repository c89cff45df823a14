"""A page in a real browser keeps up with what happens, and takes nothing out of its reader's hands."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from mlebench.reports.markup import Section, bullets, sortable_table
from mlebench.reports.view import renderings
from mlebench.reports.view.routes import PAGES
from mlebench.reports.view.view import Page as ViewPage
from mlebench.reports.view.view import Query, View
from tests.browser import Page, open_browser
from tests.reports.view.builders import HOSTILE
from tests.reports.view.running import Running, running
from tests.waiting import wait_until

LARGEST_SCRIPT = 8192
FETCHES = "performance.getEntriesByType('resource').filter((entry) => entry.initiatorType === 'fetch')"
NOTE_ANSWERS = """(() => {
  const ask = fetch;
  window.underWay = 0;
  window.fetch = (...words) => { underWay += 1; return ask(...words).finally(() => { underWay -= 1; }); };
})()"""
NOTE_DELAYS = """(() => {
  const set = setTimeout;
  window.delays = [], window.ran = 0;
  window.setTimeout = (work, delay) => { delays.push(delay); return set(() => { work(); ran += 1; }, DELAY); };
})()"""


class Shown:
    """What the page of these tests shows; a test changes it while a reader looks."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self.title = "Shown"
        self.lead = "as it was"
        self.parts: dict[str, str] = {}
        self.every: float | None = 0.05
        self.status = 200
        self.asked = 0

    def page(self, view: View, query: Query) -> ViewPage:
        with self._changing:
            self.asked += 1
            if self.status == 500:
                raise RuntimeError("the page is broken for a while")
            sections = [Section(anchor, anchor.title(), body) for anchor, body in self.parts.items()]
            return ViewPage(self.title, self.lead, sections, every=self.every, status=self.status)

    def change(self, **attributes: object) -> None:
        """Change several things at once: no page has some of them alone."""
        with self._changing:
            vars(self).update(attributes)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    shown = Shown()
    monkeypatch.setitem(PAGES, "/shown", shown.page)
    for name in ("_LEAST_AGE", "_AGE_PER_WORK", "_UNCHANGED_AGE", "_UNCHANGED_AGE_PER_WORK"):
        monkeypatch.setattr(renderings, name, 0.0)
    return shown


@pytest.fixture
def server(tmp_path: Path, shown: Shown) -> Iterator[Running]:
    (tmp_path / "runs").mkdir()
    with running(tmp_path / "runs") as server:
        yield server


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile"), offline=False) as page:
        yield page


@pytest.fixture
def page(browser: Page, server: Running) -> Iterator[Page]:
    browser.errors.clear()
    browser.requests.clear()
    browser.go_offline(False)
    yield browser
    browser.visit("about:blank")


def open_shown(page: Page, server: Running) -> None:
    page.visit(f"http://{server.host}{server.path('shown')}")


def text(page: Page, place: str) -> str:
    found: str = page.run(f"document.querySelector({place!r})?.textContent ?? ''")
    return found


def wait_for_text(page: Page, place: str, wanted: str) -> None:
    # longer than the longest pause between two looks
    wait_until(lambda: wanted in text(page, place), seconds=150, explain=lambda: text(page, place))


def wait_for_looks(shown: Shown, count: int = 3) -> None:
    """Until the page has asked again so often."""
    before = shown.asked
    wait_until(lambda: shown.asked >= before + count)


def table(*rows: tuple[str, float]) -> str:
    return sortable_table(["Name", "Score"], rows)


def test_the_script_is_small() -> None:
    assert len(files("mlebench.reports.view").joinpath("view.js").read_bytes()) < LARGEST_SCRIPT


def test_what_has_changed_is_replaced_and_the_rest_stays(page: Page, server: Running, shown: Shown) -> None:
    shown.parts = {"one": "<p>first</p>", "two": "<p>second</p>"}
    open_shown(page, server)
    page.run("for (const part of document.querySelectorAll('section')) part.mark = true")

    shown.parts["one"] = "<p>changed</p>"
    shown.lead = "as it is"

    wait_for_text(page, "#one", "changed")
    wait_for_text(page, ".lead", "as it is")
    assert page.run("[...document.querySelectorAll('section')].map((part) => part.mark === true)") == [False, True]
    assert page.errors == []


def test_parts_and_the_title_come_and_go(page: Page, server: Running, shown: Shown) -> None:
    shown.parts = {"one": "<p>first</p>", "three": "<p>third</p>"}
    open_shown(page, server)

    shown.change(parts={"zero": "<p>new</p>", "one": "<p>first</p>", "two": "<p>second</p>"}, title="Another")

    wait_for_text(page, "#two", "second")
    assert page.run("[...document.querySelectorAll('main > section')].map((part) => part.id)") == ["zero", "one", "two"]
    assert page.run("document.title") == text(page, "h1") == "Another"
    assert page.run("[...document.querySelectorAll('header nav a')].map((link) => link.hash)") == ["#zero", "#one", "#two"]


def test_texts_that_arrive_later_are_text_too(page: Page, server: Running, shown: Shown) -> None:
    shown.parts = {"one": "<p>first</p>"}
    open_shown(page, server)

    shown.parts = {"one": bullets([HOSTILE])}

    wait_for_text(page, "#one", "gnp.exe")
    assert page.run("document.title") == "Shown"
    assert page.run("document.querySelectorAll('#one script, #one img').length") == 0
    assert page.errors == []


def test_nothing_inline_runs_even_if_it_were_there(page: Page, server: Running, shown: Shown) -> None:
    inline = "<script>document.title = 'owned'</script><img src='x' onerror='document.title = 1'><p style='color: red'>x</p>"
    shown.parts = {"one": inline}
    open_shown(page, server)

    assert page.run("document.title") == "Shown"
    assert page.run("getComputedStyle(document.querySelector('#one p')).color") != "rgb(255, 0, 0)"
    assert any("Content Security Policy" in error for error in page.errors)


def test_an_unchanged_page_is_answered_without_a_body(page: Page, server: Running, shown: Shown) -> None:
    shown.parts = {"one": "<p>first</p>"}
    open_shown(page, server)
    wait_for_looks(shown, 5)

    statuses = page.run(f"{FETCHES}.map((entry) => entry.responseStatus)")
    assert statuses[0] == 200
    assert set(statuses[1:]) == {304}


def test_open_details_stay_open(page: Page, server: Running, shown: Shown) -> None:
    body = '<details id="a"><summary>a</summary>{0}</details><details id="b"><summary>b</summary>{0}</details>'
    shown.parts = {"one": body.format("old")}
    open_shown(page, server)
    page.run("document.querySelector('#b').open = true")

    shown.parts = {"one": body.format("new")}

    wait_for_text(page, "#one", "new")
    assert page.run("[...document.querySelectorAll('details')].map((part) => part.open)") == [False, True]


def test_tables_stay_sorted_and_can_be_sorted_again(page: Page, server: Running, shown: Shown) -> None:
    shown.parts = {"one": table(("b", 2), ("a", 1), ("c", 3))}
    open_shown(page, server)
    button = "document.querySelectorAll('#one thead button')[1]"
    page.run(f"{button}.click(), {button}.click()")
    names = "[...document.querySelectorAll('#one tbody tr')].map((row) => row.cells[0].textContent).join('')"
    assert page.run(names) == "cba"

    shown.parts = {"one": table(("b", 2), ("a", 9), ("c", 3), ("d", 4))}

    wait_until(lambda: "d" in page.run(names))
    assert page.run(names) == "adcb"
    assert page.run("document.querySelectorAll('#one th')[1].ariaSort") == "descending"
    page.run(f"{button}.click()")
    assert page.run(names) == "bcda"


def test_the_focus_stays_on_links_and_on_heads_of_tables(page: Page, server: Running, shown: Shown) -> None:
    body = '<p>{}</p><a href="#x">first</a> <a href="#y">second</a>'
    shown.parts = {"one": body.format("old") + table(("a", 1))}
    open_shown(page, server)
    for place, word in (("a", "second"), ("th button", "Score")):
        page.run(f"document.querySelectorAll('#one {place}')[1].focus()")
        shown.parts = {"one": body.format(f"new {word}") + table(("a", 1))}
        wait_for_text(page, "#one", f"new {word}")
        assert page.run("document.activeElement.textContent") == word


def test_the_focus_stays_on_buttons_that_another_script_makes(page: Page, server: Running, shown: Shown) -> None:
    shown.parts = {"one": '<p>old</p><a href="#x">link</a>'}
    open_shown(page, server)
    page.run(
        """(() => {
          const make = (part) => {
            const tools = document.createElement("div");
            tools.className = "tools";
            tools.append(...["input", "button"].map((name) => document.createElement(name)));
            tools.lastChild.textContent = "made";
            part.querySelector("h2").after(tools);
          };
          make(document.querySelector("#one"));
          document.addEventListener("fresh", (event) => make(event.target));
        })()"""
    )
    for place, word in ((".tools button", "made"), ("a", "link")):
        page.run(f"document.querySelector('#one {place}').focus()")
        shown.parts = {"one": f'<p>new {word}</p><a href="#x">link</a>'}
        wait_for_text(page, "#one", f"new {word}")
        assert page.run("document.activeElement.textContent") == word


def test_a_part_is_left_while_somebody_types_in_it_and_keeps_what_was_typed(page: Page, server: Running, shown: Shown) -> None:
    body = '<form><input type="search" name="agent" value=""></form><p>{}</p>'
    shown.parts = {"one": body.format("old"), "two": "<p>old</p>"}
    open_shown(page, server)
    page.run("document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '/', bubbles: true }))")
    assert page.run("document.activeElement.name") == "agent"
    page.call("Input.insertText", text="tree")

    shown.parts = {"one": body.format("new"), "two": "<p>new</p>"}

    wait_for_text(page, "#two", "new")
    wait_for_looks(shown)
    assert "old" in text(page, "#one") and page.run("document.activeElement.value") == "tree"
    page.run("document.activeElement.blur()")
    wait_for_text(page, "#one", "new")
    assert page.run("document.querySelector('#one input').value") == "tree"


def test_a_part_is_left_while_text_in_it_is_selected(page: Page, server: Running, shown: Shown) -> None:
    shown.parts = {"one": "<p>old words</p>", "two": "<p>old</p>"}
    open_shown(page, server)
    page.run("getSelection().selectAllChildren(document.querySelector('#one p'))")

    shown.parts = {"one": "<p>new words</p>", "two": "<p>new</p>"}

    wait_for_text(page, "#two", "new")
    wait_for_looks(shown)
    assert page.run("getSelection().toString()").strip() == "old words"
    page.run("getSelection().removeAllRanges()")
    wait_for_text(page, "#one", "new words")


def test_a_part_is_left_while_the_pointer_is_down(page: Page, server: Running, shown: Shown) -> None:
    shown.parts = {"one": "<p>old</p>"}
    open_shown(page, server)
    page.run("dispatchEvent(new PointerEvent('pointerdown'))")

    shown.parts = {"one": "<p>new</p>"}

    wait_for_looks(shown)
    assert "old" in text(page, "#one")
    page.run("dispatchEvent(new PointerEvent('pointerup'))")
    wait_for_text(page, "#one", "new")


def test_boxes_stay_scrolled(page: Page, server: Running, shown: Shown) -> None:
    wide = sortable_table([f"column {number}" for number in range(60)], [[f"cell {number}" for number in range(60)]])
    shown.parts = {"one": wide}
    open_shown(page, server)
    page.run("document.querySelector('#one .scroll').scrollLeft = 300")

    shown.parts = {"one": f"<p>new</p>{wide}"}

    wait_for_text(page, "#one", "new")
    assert page.run("document.querySelector('#one .scroll').scrollLeft") == 300


def test_what_a_script_of_its_own_fills_is_left_alone(page: Page, server: Running, shown: Shown) -> None:
    shown.parts = {"one": "<p>no log yet</p>", "two": "<p>old</p>"}
    open_shown(page, server)

    shown.parts["one"] = "<div data-own>the log</div>"
    wait_for_text(page, "#one", "the log")
    page.run("document.querySelector('[data-own]').append(' and more of it')")
    shown.parts = {"one": "<div data-own>another log</div>", "two": "<p>new</p>"}

    wait_for_text(page, "#two", "new")
    wait_for_looks(shown)
    assert text(page, "#one [data-own]") == "the log and more of it"


def test_a_server_that_is_away_is_said_once_and_taken_up_again(page: Page, server: Running, shown: Shown) -> None:
    shown.parts = {"one": "<p>old</p>"}
    open_shown(page, server)
    wait_for_looks(shown)
    page.go_offline(True)
    wait_for_text(page, "#connection", "No connection since")
    page.run(
        "window.changes = 0, new MutationObserver(() => { changes += 1; })"
        ".observe(document.querySelector('#connection'), { childList: true, characterData: true, subtree: true })"
    )
    wait_until(lambda: page.run("performance.getEntriesByType('resource').length > 5"))

    assert page.run("document.querySelector('#connection').role") == "status"
    # in sight wherever the reader is
    assert page.run("getComputedStyle(document.querySelector('#connection')).position") == "sticky"
    assert page.run("changes") == 0
    assert "old" in text(page, "#one")

    shown.parts = {"one": "<p>new</p>"}
    page.go_offline(False)
    wait_for_text(page, "#one", "new")
    assert page.run("document.querySelector('#connection').hidden") is True


def test_pauses_grow_while_the_server_is_away(page: Page, server: Running, shown: Shown) -> None:
    shown.parts = {"one": "<p>old</p>"}
    shown.every = 0.01
    open_shown(page, server)
    wait_for_looks(shown)
    page.run(NOTE_DELAYS.replace("DELAY", "10"))
    page.go_offline(True)

    # how many looks still succeed before, and how long one takes, is up to the machine
    wait_until(lambda: page.run("Math.max(...delays) > 50_000"))
    delays = page.run("delays")
    page.go_offline(False)

    assert max(delays) <= 60_000 * 1.1
    assert delays[0] < 1000


@pytest.mark.parametrize("status", [404, 500])
def test_a_page_that_goes_wrong_keeps_what_it_showed(page: Page, server: Running, shown: Shown, status: int) -> None:
    shown.parts = {"one": "<p>old</p>"}
    open_shown(page, server)
    shown.status = status
    wait_for_text(page, "#connection", str(status))
    assert "old" in text(page, "#one")

    shown.status, shown.parts = 200, {"one": "<p>new</p>"}
    wait_for_text(page, "#one", "new")


def test_a_page_that_is_done_asks_no_more(page: Page, server: Running, shown: Shown) -> None:
    shown.parts = {"one": "<p>old</p>"}
    open_shown(page, server)
    shown.change(every=None, parts={"one": "<p>the end</p>"})
    wait_for_text(page, "#one", "the end")
    page.run(NOTE_DELAYS.replace("DELAY", "delay"))
    page.run("document.dispatchEvent(new Event('visibilitychange'))")

    assert page.run("delays") == []


def test_a_hidden_page_asks_for_nothing(page: Page, server: Running, shown: Shown) -> None:
    shown.parts = {"one": "<p>old</p>"}
    open_shown(page, server)
    page.run(NOTE_ANSWERS)
    # the first of them may have been asked before
    wait_for_looks(shown)
    page.run("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    # one may be under way
    wait_until(lambda: page.run("underWay === 0"))
    asked = shown.asked
    page.run(NOTE_DELAYS.replace("DELAY", "delay"))
    for turn in range(3):
        page.run("document.dispatchEvent(new Event('visibilitychange'))")
        wait_until(lambda turn=turn: page.run("ran") > turn)  # type: ignore[misc]
    assert shown.asked == asked

    page.run("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    wait_for_looks(shown)


def test_clocks_count(page: Page, server: Running, shown: Shown) -> None:
    shown.parts = {
        "one": '<time class="since" datetime="2026-01-01T00:00:00+00:00">x</time>'
        '<time class="until" datetime="2020-01-01T00:00:00+00:00">x</time><time class="since" datetime="nonsense">kept</time>'
    }
    shown.every = None
    open_shown(page, server)
    wait_until(lambda: " d" in text(page, "#one time"))
    assert page.run("[...document.querySelectorAll('#one time')].map((clock) => clock.textContent).slice(1)") == ["0 s", "kept"]
    page.run("document.querySelectorAll('#one time')[1].dateTime = new Date(Date.now() + 3 * 3600e3 + 540e3 + 500).toISOString()")
    wait_until(lambda: re.fullmatch(r"3 h 0\d min", page.run("document.querySelectorAll('#one time')[1].textContent")))


def test_a_page_without_script_is_whole(page: Page, server: Running, shown: Shown) -> None:
    shown.parts = {"one": "<p>old</p>"}
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        open_shown(page, server)
        assert "old" in text(page, "#one")
    finally:
        page.call("Emulation.setScriptExecutionDisabled", value=False)


def test_nothing_is_asked_of_anybody_else(page: Page, server: Running, shown: Shown) -> None:
    shown.parts = {"one": "<p>old</p>"}
    open_shown(page, server)
    wait_for_looks(shown)

    assert all(request.startswith((f"http://{server.host}/", "data:")) for request in page.requests)


def test_a_form_of_ours_says_where_it_comes_from(page: Page, server: Running, shown: Shown) -> None:
    """A policy that kept that from the server would have it refuse every act."""
    address = server.path("shown")
    shown.parts = {"one": f'<form method="post" action="{address}"><button>Do it</button></form>'}
    shown.every = None
    open_shown(page, server)
    page.run("document.querySelector('#one form button').click()")
    page.wait_for("document.contentType === 'text/plain' && document.body?.innerText.trim()")

    # no act has that path, which is said to our own pages alone
    assert "accepts GET and HEAD" in page.run("document.body.innerText")
