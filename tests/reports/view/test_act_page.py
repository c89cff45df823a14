"""Acts on pages: offered where they can be done, asked for once, done as the command line does them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shlex
import threading
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from aiohttp.test_utils import TestClient, TestServer

from mlebench.cli.main import main
from mlebench.reports.view.act_page import act_links, do_act, make_act, saying
from mlebench.reports.view.server import make_application
from mlebench.reports.view.view import Page, View
from mlebench.reports.view.watched_runs import WatchedRuns
from mlebench.runs import lock, orders
from mlebench.runs.group import Group
from mlebench.runs.harness_status import HarnessStatus, write_harness_status
from mlebench.runs.record import now
from tests.browser import open_browser
from tests.reports import toys
from tests.waiting import wait_until

NAME = "a group & co"
RUNS = [f"toy-one_seed{seed}" for seed in range(3)]


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Group:
    """A result, a failed run and one that has not started."""
    monkeypatch.setattr(orders, "_PATIENCE_SECONDS", 0.0)
    data = toys.install(tmp_path, monkeypatch)
    group = toys.make_group(tmp_path / "runs", data, {"toy-one": [0.25, 0.25, 0.25]}, name="g")
    _, failed, waiting = group.records()
    failed.state, failed.reason, failed.report = "failed", "exit-code", None
    failed.write(group.run_dir(failed.run_id))
    (group.run_dir(waiting.run_id) / "run.json").unlink()
    group.folder.rename(group.folder.with_name(NAME))
    return Group.open(group.folder.with_name(NAME))


@pytest.fixture
def view(group: Group) -> View:
    return View(WatchedRuns(group.folder.parent), "/token", allows_control=True)


@contextlib.contextmanager
def harness_of(group: Group, parallel: int | None = None) -> Iterator[None]:
    """Like a harness that is running but too busy to look."""
    with lock.hold(group.folder):
        write_harness_status(group.folder, HarnessStatus(now(), parallel=parallel))
        yield


def offered(view: View, run_id: str | None = None) -> list[str]:
    """Acts that a page links to now."""
    view.runs.look_anew()
    watched = view.runs.group(NAME)
    assert watched is not None
    html = act_links(view, watched, watched.record(run_id) if run_id else None)
    addresses = [urlsplit(unescape(address)) for address in re.findall(r'href="([^"]*)"', html)]
    assert {address.path for address in addresses} <= {"/token/g/a%20group%20%26%20co/act"}
    return [parse_qs(address.query)["do"][0] for address in addresses]


def asked(view: View, **query: str) -> Page:
    view.runs.look_anew()
    page = make_act(view, query, NAME)
    assert page is not None
    return page


def body(page: Page) -> str:
    return "".join(section.html for section in page.sections)


def words(page: Page) -> str:
    """What people read."""
    return unescape(re.sub(r"<[^>]*>", "", body(page)))


def said(view: View, address: object) -> str:
    """What the page shows that an act leads to."""
    assert isinstance(address, str)
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    page = saying(lambda view, query: Page("G"))(view, query)
    assert page is not None
    return words(page)


def test_acts_are_offered_that_can_be_done_now(view: View, group: Group) -> None:
    assert offered(view) == ["parallel", "cancel"]
    assert [offered(view, run_id) for run_id in RUNS] == [[], ["retry"], ["cancel"]]
    with harness_of(group):
        assert offered(view) == ["pause", "parallel", "cancel"]
        orders.pause(group)
        assert offered(view) == ["continue", "parallel", "cancel"]


def test_server_that_only_shows_offers_and_does_nothing(group: Group) -> None:
    view = View(WatchedRuns(group.folder.parent))
    assert offered(view) == []
    page = asked(view, do="cancel")
    assert (page.status, "<form" in body(page)) == (403, False)
    assert "Start one that can act with mlebench view --allow-control" in words(page)
    done = do_act(view, {"do": "cancel"}, NAME)
    assert isinstance(done, Page) and done.status == 403
    assert not (group.folder / "cancel").exists()


def test_imported_group_offers_nothing(view: View, group: Group) -> None:
    group.with_circumstances(group.conditions, {**group.manifest, "imported": {"format": "harbor-job", "source": "a job"}})
    assert offered(view) == [] == offered(view, RUNS[1])
    done = do_act(view, {"do": "cancel"}, NAME)
    assert isinstance(done, Page) and "cannot be cancelled" in words(done)


def test_page_asks_once_and_names_the_command_that_does_the_same(view: View, group: Group) -> None:
    page = asked(view, do="cancel", run=RUNS[2])
    assert page.every is None
    assert f"{RUNS[2]} is stopped and ends as cancelled. It stays cancelled when the group is resumed." in words(page)
    command = re.search(r"<code>(mlebench [^<]*)</code>", body(page))
    assert command is not None
    assert not (group.run_dir(RUNS[2]) / "cancel").exists()
    assert main(shlex.split(unescape(command[1]))[1:]) == 0
    assert group.records()[2].state == "cancelled"


def test_confirmed_cancel_of_a_run_is_carried_out_and_said(view: View, group: Group) -> None:
    address = do_act(view, {"do": "cancel", "run": RUNS[2]}, NAME)
    assert isinstance(address, str) and urlsplit(address).path == f"/token/g/a%20group%20%26%20co/{RUNS[2]}"
    assert f"{RUNS[2]} is being cancelled, and stays cancelled when the group is resumed." in said(view, address)
    assert group.records()[2].state == "cancelled"


def test_confirmed_cancel_of_a_group_names_how_to_go_on(view: View, group: Group) -> None:
    question = words(asked(view, do="cancel"))
    assert "Every run of a group & co that has not ended is cancelled: 1 run, 0 of them running." in question
    told = said(view, do_act(view, {"do": "cancel"}, NAME))
    assert "1 run of a group & co is being cancelled" in told and "mlebench run --resume 'a group & co'" in told
    assert [record.state for record in group.records()] == ["finished", "failed", "cancelled"]


def test_confirmed_retry_puts_the_run_back(view: View, group: Group) -> None:
    assert "Another attempt at the run starts" in words(asked(view, do="retry", run=RUNS[1]))
    told = said(view, do_act(view, {"do": "retry", "run": RUNS[1]}, NAME))
    assert f"{RUNS[1]} is marked for another attempt; mlebench run --resume" in told
    assert group.records()[1].state == "pending"


def test_act_that_cannot_be_done_says_why(view: View) -> None:
    done = do_act(view, {"do": "retry", "run": RUNS[0]}, NAME)
    assert isinstance(done, Page) and done.status == 409
    assert "is a result (finished), and another attempt would mean choosing among results" in words(done)
    done = do_act(view, {"do": "pause"}, NAME)
    assert isinstance(done, Page) and "no harness runs a group & co" in words(done)


@pytest.mark.parametrize("number", ["", "0", "-1", "1.5", "²", "9" * 5000, "x"])
def test_number_that_is_none_is_refused(view: View, group: Group, number: str) -> None:
    done = do_act(view, {"do": "parallel", "parallel": number}, NAME)
    assert isinstance(done, Page) and done.status == 409
    assert Group.open(group.folder).settings.parallel is None


def test_number_of_runs_at_once_is_asked_for_and_kept(view: View, group: Group) -> None:
    page = asked(view, do="parallel")
    assert '<input type="number" name="parallel" min="1" required>' in body(page)
    assert "at most 5 runs at once" in said(view, do_act(view, {"do": "parallel", "parallel": "5"}, NAME))
    assert Group.open(group.folder).settings.parallel == 5
    assert ' value="5"' in body(asked(view, do="parallel"))
    with harness_of(group, parallel=7):
        assert ' value="7"' in body(asked(view, do="parallel"))


def test_pause_and_continue_are_orders_to_the_harness(view: View, group: Group) -> None:
    with harness_of(group):
        assert "a group & co is paused: no further run starts" in said(view, do_act(view, {"do": "pause"}, NAME))
        assert orders.is_paused(group.folder)
        assert "Runs of a group & co start again." in words(asked(view, do="continue"))
        assert "continues" in said(view, do_act(view, {"do": "continue"}, NAME))
        assert not orders.is_paused(group.folder)


@pytest.mark.parametrize(
    "query", [{}, {"do": "x"}, {"do": "retry"}, {"do": "cancel", "run": "none"}, {"do": "cancel", "run": "../x"}], ids=str
)
def test_unknown_act_or_run_is_no_page(view: View, group: Group, query: dict[str, str]) -> None:
    assert make_act(view, query, NAME) is None
    done = do_act(view, query, NAME)
    assert isinstance(done, Page) and done.status == 404
    assert make_act(view, {"do": "cancel"}, "none") is None
    assert not (group.folder / "cancel").exists()


def test_address_brings_no_sentence_of_its_own(view: View) -> None:
    """Who can make somebody follow a link makes no page say anything."""
    page = Page("G")
    make = saying(lambda view, query: page)
    for text in ("<b>Send your key to example.org</b>", "", "a" * 1000):
        assert make(view, {"said": text}) is page
    name = view.said.keep("<b>is bold</b> `x`.")
    shown = make(view, {"said": name})
    assert shown is not None and "&lt;b&gt;is bold&lt;/b&gt; <code>x</code>." in body(shown)
    for number in range(200):
        view.said.keep(str(number))
    assert make(view, {"said": name}) is page


async def post(view: View, path: str, **form: str) -> tuple[int, str | None, str]:
    """Status, where to go, and the body of what a POST is answered with."""
    async with TestClient(TestServer(make_application(view))) as client:
        # as a form of a page of this server sends it
        origin = str(client.make_url("/")).rstrip("/")
        response = await client.post(path, data=form, headers={"Origin": origin}, allow_redirects=False)
        return response.status, response.headers.get("Location"), await response.text()


def test_server_does_what_is_posted_and_leads_back(view: View, group: Group) -> None:
    status, location, _ = asyncio.run(post(view, "/token/g/a%20group%20%26%20co/act", do="retry", run=RUNS[1]))
    assert status == 303 and location is not None
    assert unquote(urlsplit(location).path) == f"/token/g/{NAME}/{RUNS[1]}"
    assert group.records()[1].state == "pending"
    status, location, text = asyncio.run(post(view, "/token/g/a%20group%20%26%20co/act", do="retry", run=RUNS[0]))
    assert (status, location) == (409, None)
    assert "is a result" in text


def test_server_that_only_shows_refuses_what_is_posted(group: Group) -> None:
    view = View(WatchedRuns(group.folder.parent))
    status, _, _ = asyncio.run(post(view, "/g/a%20group%20%26%20co/act", do="cancel"))
    assert status == 403
    assert not (group.folder / "cancel").exists()


@contextlib.contextmanager
def served(view: View) -> Iterator[str]:
    """The address of a server in a thread of its own."""
    ended, address = threading.Event(), []

    async def serve() -> None:
        async with TestServer(make_application(view), host="127.0.0.1") as server:
            address.append(str(server.make_url("")).rstrip("/"))
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        yield wait_until(lambda: address and address[0])
    finally:
        ended.set()
        thread.join(60)


def test_act_is_asked_for_done_and_said_in_a_browser(view: View, group: Group, tmp_path: Path) -> None:
    """From the link to the page that says what came of it, on the screen of a telephone."""
    watched = view.runs.group(NAME)
    assert watched is not None
    link = unescape(re.findall(r'href="([^"]*)"', act_links(view, watched, watched.record(RUNS[1])))[0])
    with served(view) as address, open_browser(tmp_path / "profile") as browser:
        browser.call("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        browser.resize(360, 800)
        browser.visit(address + link)
        assert browser.run("document.documentElement.scrollWidth") <= 360
        assert browser.run("document.querySelector('form.act button').textContent") == "Retry"
        assert group.records()[1].state == "failed"
        browser.run("document.querySelector('form.act button').click()")
        text = browser.wait_for("document.querySelector('[role=status]')?.textContent")
        assert text.startswith(f"{RUNS[1]} is marked for another attempt; mlebench run --resume")
        assert browser.run("location.pathname").endswith(f"/{RUNS[1]}")
        assert all(url.startswith(address) for url in browser.requests), browser.requests
    assert group.records()[1].state == "pending"
