"""The page of a run in a real browser: its log is followed, nothing that an agent wrote runs, and it fits every screen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import Page, open_browser
from tests.reports.view.running import Running, running
from tests.reports.view.watched import HOSTILE, RUN, Watched, write_graded_snapshots, write_snapshot
from tests.waiting import wait_until

MOST_LINES = 5000
SHOWN = "[...document.querySelectorAll('.log .line')].map((line) => line.textContent)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile"), offline=False) as page:
        yield page


@pytest.fixture
def run(tmp_path: Path) -> Watched:
    made = Watched(tmp_path / "runs")
    made.start()
    return made


@pytest.fixture
def server(run: Watched, browser: Page) -> Iterator[Running]:
    with running(run.group.folder.parent) as server:
        yield server
        # who asks when the server is gone tells of it
        browser.visit("about:blank")


def show(page: Page, server: Running, width: int = 1300) -> None:
    """Open the page of the run, and wait until its log is followed."""
    page.errors.clear()
    page.requests.clear()
    page.resize(width, 900)
    page.visit(f"{server.address}g/one/{RUN}")
    page.wait_for("!document.querySelector('.log') || document.querySelectorAll('.log .line').length > 0")


def lines(page: Page) -> list[str]:
    shown: list[str] = page.run(SHOWN)
    return shown


def is_at_bottom(page: Page) -> bool:
    place = "(({scrollTop, clientHeight, scrollHeight}) => scrollTop + clientHeight >= scrollHeight - 8)"
    return bool(page.run(f"{place}(document.querySelector('.log pre'))"))


def append(run: Watched, text: str) -> None:
    with (run.folder / "run.log").open("a") as file:
        file.write(text)


def test_the_log_is_followed_as_it_grows(browser: Page, server: Running, run: Watched) -> None:
    append(run, "".join(f"line {number}\n" for number in range(500)) + "no end")
    show(browser, server)
    assert lines(browser)[-2:] == ["line 499", "no end"] and is_at_bottom(browser)
    append(run, " yet\nnext\n50%\r")
    wait_until(lambda: lines(browser)[-3:] == ["no end yet", "next", "50%"])
    append(run, "100%\n")
    wait_until(lambda: lines(browser)[-1] == "100%")
    assert lines(browser)[0] == "line 0" and is_at_bottom(browser)
    assert browser.errors == []
    assert {address.split("/")[2] for address in browser.requests if address.startswith("http")} == {server.host}


def test_whoever_scrolled_up_is_left_alone_until_they_follow_again(browser: Page, server: Running, run: Watched) -> None:
    append(run, "".join(f"line {number}\n" for number in range(500)))
    show(browser, server)
    browser.run("document.querySelector('.log pre').scrollTop = 100")
    wait_until(lambda: browser.run("document.querySelector('.log [aria-pressed]').getAttribute('aria-pressed')") == "false")
    append(run, "later\n")
    browser.run("document.querySelector('.log [aria-pressed]').click()")
    wait_until(lambda: lines(browser)[-1] == "later" and is_at_bottom(browser))


def test_an_answer_that_comes_before_the_event_of_scrolling_moves_nobody(browser: Page, server: Running, run: Watched) -> None:
    append(run, "".join(f"line {number}\n" for number in range(500)))
    show(browser, server)
    browser.run("document.addEventListener('scroll', (event) => event.stopPropagation(), true)")
    browser.run("document.querySelector('.log pre').scrollTop = 100")
    append(run, "later\n")
    wait_until(lambda: lines(browser)[-1] == "later")
    assert browser.run("document.querySelector('.log pre').scrollTop") == 100
    assert browser.run("document.querySelector('.log [aria-pressed]').getAttribute('aria-pressed')") == "false"


def test_a_line_that_was_found_stays_so_when_others_come(browser: Page, server: Running, run: Watched) -> None:
    append(run, "".join(f"{number}\n" for number in range(30_000)))
    show(browser, server)
    browser.run("document.querySelector('.log input').value = '99'")
    browser.run("document.querySelector('.log input').dispatchEvent(new Event('input'))")
    browser.run("document.querySelector('.log input').dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter'}))")
    before, here = lines(browser)[0], browser.run("document.querySelector('.log .here').textContent")
    browser.run("document.querySelector('.log button').click()")
    wait_until(lambda: lines(browser)[0] != before)
    assert browser.run("[...document.querySelectorAll('.log .here')].map((line) => line.textContent)") == [here]
    found = [line for line in lines(browser) if "99" in line]
    told = browser.run("document.querySelector('.log output').textContent")
    assert told == f"{found.index(here) + 1} of {len(found)} lines"


def test_earlier_lines_come_on_demand_and_the_page_stays_small(browser: Page, server: Running, run: Watched) -> None:
    append(run, "".join(f"{number}\n" for number in range(30_000)))
    show(browser, server)
    while int(lines(browser)[0]) > 15_000:
        before = lines(browser)[0]
        browser.run("document.querySelector('.log button').click()")
        wait_until(lambda: lines(browser)[0] != before)  # noqa: B023
    shown = lines(browser)
    assert len(shown) == MOST_LINES
    assert [int(line) for line in shown] == list(range(int(shown[0]), int(shown[0]) + MOST_LINES))
    browser.run("document.querySelector('.log [aria-pressed]').click()")
    wait_until(lambda: lines(browser)[-1] == "29999")


def test_a_log_that_is_replaced_is_shown_anew(browser: Page, server: Running, run: Watched) -> None:
    append(run, "first log\n" * 100)
    show(browser, server)
    (run.folder / "another").write_text("second log\n")
    (run.folder / "another").replace(run.folder / "run.log")
    wait_until(lambda: lines(browser) == ["The log became shorter, or another one took its place.", "second log"])


def test_what_is_loaded_of_the_log_can_be_searched(browser: Page, server: Running, run: Watched) -> None:
    append(run, "".join(f"{'even' if number % 2 == 0 else 'odd'} {number}\n" for number in range(100)))
    show(browser, server)
    browser.run("document.querySelector('.log input').value = 'EVEN'")
    browser.run("document.querySelector('.log input').dispatchEvent(new Event('input'))")
    assert browser.run("[document.querySelectorAll('.log .hit').length, document.querySelector('.log output').textContent]") == [
        50,
        "50 lines",
    ]
    press = "document.querySelector('.log input').dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter'}))"
    browser.run(press)
    browser.run(press)
    assert browser.run("document.querySelector('.log .here').textContent") == "even 2"
    assert browser.run("document.querySelector('.log output').textContent") == "2 of 50 lines"


def test_without_its_script_the_page_holds_the_last_lines(browser: Page, server: Running, run: Watched) -> None:
    append(run, "".join(f"line {number}\n" for number in range(20_000)) + HOSTILE)
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.visit(f"{server.address}g/one/{RUN}")
        text = browser.run("document.querySelector('.log pre').textContent")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert text.split("\n")[-3:-1][0] == "line 19999" and "<script>" in text


def test_whatever_an_agent_left_is_shown_as_text(browser: Page, server: Running, run: Watched) -> None:
    append(run, f"{HOSTILE}\n\x1b[31m{HOSTILE}\x1b[0m\n[mlebench] said\n" + "x" * 3_000_000 + "\nafter\n")
    run.check([(1, False, HOSTILE)])
    for folder in ("code", "submission"):
        (run.folder / folder).mkdir()
    (run.folder / "code" / "<img src=x onerror=window.owned=1>\n.py").write_text("x")
    (run.folder / "submission" / "submission.csv").write_text(f'id,"{HOSTILE}"\n1,"{HOSTILE}"\n')
    show(browser, server)
    for least in (2, 5):
        browser.run("document.querySelector('.log button').click()")
        wait_until(lambda: len(lines(browser)) >= least)  # noqa: B023
    shown = lines(browser)
    assert "<script>window.owned=1</script>" in shown[0] and "\\x1b[2J\\u202egpj\\u202c" in shown[0]
    assert len(shown[-2]) < 10_000 and "bytes of this line omitted" in shown[-2]
    assert browser.run("[window.owned, document.querySelectorAll('main img, main script').length]") == [None, 0]
    assert browser.run("document.querySelector('.log .harness').textContent") == "[mlebench] said"
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert browser.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 800, 1300])
def test_the_page_fits_every_screen(
    browser: Page, server: Running, run: Watched, width: int, scheme: str, tmp_path: Path
) -> None:
    fill(run)
    browser.prefer(scheme)
    show(browser, server, width)
    assert browser.run("[document.documentElement.scrollWidth, innerWidth]") == [width, width]
    assert faint_texts(browser) == []
    assert browser.run("document.querySelectorAll('#time svg').length") == 3
    # the first screen answers how it is going
    first = browser.run("[...document.querySelectorAll('.steps, .cards li')].map((part) => part.getBoundingClientRect().top)")
    assert sum(top < 900 for top in first) >= 4
    browser.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


def test_everything_that_can_be_clicked_is_reached_by_the_keyboard(browser: Page, server: Running, run: Watched) -> None:
    fill(run)
    show(browser, server)
    parts = "[...document.querySelectorAll('main a, main button, main summary, main input, .log pre, .scroll')]"
    assert browser.run(f"{parts}.filter((part) => part.tabIndex < 0).length") == 0
    controls = "[...document.querySelectorAll('main a, main button, main input')]"
    name = "part.textContent.trim() || part.getAttribute('aria-label')"
    assert browser.run(f"{controls}.filter((part) => !({name})).length") == 0
    assert browser.run("[...document.querySelectorAll('h1, h2, h3')].map((head) => head.tagName)")[:2] == ["H1", "H2"]


def test_print_holds_the_page(browser: Page, server: Running, run: Watched) -> None:
    fill(run)
    append(run, "one of many lines\n" * 3000)
    show(browser, server)
    pages = browser.pdf().count(b"/Type /Page\n")
    # of a long log the end is enough
    assert 1 <= pages <= 12


def fill(run: Watched) -> None:
    """A run that did a bit of everything."""
    run.ask_models(range(1, 100))
    run.check([(minute, minute % 3 != 0, "an answer") for minute in range(0, 100, 7)])
    for name in ("001000.csv", "005000.csv"):
        write_snapshot(run.folder, name, "id," + ",".join(f"column {number}" for number in range(40)) + "\n")
    write_graded_snapshots(run.group, {600: 0.4, 3000: 0.6})
    append(
        run,
        "[mlebench] starts\n" + "a long line of words " * 30 + "\n\x1b[31mred\x1b[0m \x1b[33myellow\x1b[0m\n" + "x" * 2000 + "\n",
    )
    for folder in ("code", "logs"):
        (run.folder / folder).mkdir()
        (run.folder / folder / ("a" * 200)).write_text("x")
    os.mkfifo(run.folder / "code" / "pipe")


def faint_texts(page: Page) -> Any:
    """Texts whose contrast with what is behind them is below 4.5."""
    return page.run(
        """(() => {
             const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
             const linear = (part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
             const light = (color) => {
               const [red, green, blue] = numbers(color).map((part) => linear(part / 255));
               return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
             };
             const behind = (part) => {
               for (; part; part = part.parentElement) {
                 const color = getComputedStyle(part).backgroundColor;
                 if ((numbers(color)[3] ?? 1) > 0) return color;
               }
               return "rgb(255, 255, 255)";
             };
             const isText = (node) => node.nodeType === 3 && node.data.trim();
             return [...document.querySelectorAll("main *:not(svg *)")]
               .filter((part) => [...part.childNodes].some(isText) && !part.closest("button, input"))
               .map((part) => [part.outerHTML.slice(0, 80), getComputedStyle(part).color, behind(part)])
               .filter(([, color, paper]) => {
                 const [one, other] = [light(color), light(paper)].sort((first, second) => second - first);
                 return (one + 0.05) / (other + 0.05) < 4.5;
               });
           })()"""
    )
