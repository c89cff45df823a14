"""Everything in a run's folder is replaced by what means harm: pages show it as text, follow no link and wait for nobody."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mlebench.reports.view.addresses import Asked, Table
from mlebench.reports.view.renderings import framed
from mlebench.reports.view.routes import FILES, PAGES
from mlebench.reports.view.view import View
from mlebench.reports.view.watched_runs import WatchedRuns
from mlebench.runs.group import Group
from tests.browser import Page, open_browser
from tests.exports.recorded import Recording, make_group
from tests.exports.requests import Agent, Result, Said, User, request
from tests.gateway import answers
from tests.reports.view.builders import HOSTILE, write_group, write_hostile_outputs
from tests.reports.view.running import commanded

SECRET = "the answers of the test set"
EVIL = (
    f"</td></pre></section></script><x-evil evil=1><svg onload=evil()><iframe src=//evil.example></iframe>{HOSTILE}\u2066\x9b\x85"
)
GROUP = "<img src=x onerror=evil()>\"' & %2e%2e"
RUNS = ("3d-object-detection-for-autonomous-vehicles_seed0", "AI4Code_seed0", "aerial-cactus-identification_seed0")
"""Of every group here."""
FILES_OF_A_RUN = (
    *("run.log", "model_calls.jsonl", "checker_calls.jsonl", "resources.jsonl", "transcript", "code", "submission", "logs"),
    *("snapshots", "attempts"),
)
FILES_OF_A_GROUP = (".harness_status.json", ".model_status.json", ".orders", "snapshot_reports.json")
MOST_PAGES = 150
ELEMENTS = ["x-evil", "iframe", "img", "object", "embed", "base", "style", "template", "math", "foreignobject", "animate", "set"]


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10 * 2**30)


REPLACEMENTS: dict[str, Callable[[Path], object]] = {
    "link": lambda path: path.symlink_to(path.parents[2] / "secret.txt"),
    "folder-link": lambda path: path.symlink_to("/etc"),
    "loop": lambda path: path.symlink_to(path.name),
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "sparse": sparse,
    "deep": lambda path: path.write_text("[" * 200_000),
    "nul": lambda path: path.write_bytes(b"\0" * 100_000),
}


def write_ledgers(folder: Path) -> None:
    """Lines that nobody's harness has written."""
    said = {"at": "2026-03-01T00:10:00+00:00", "status": EVIL, "message": EVIL, "rows": 1e308, "bytes": -1, "model": EVIL}
    lines = [json.dumps({**said, "n": n, "outcome": EVIL, "valid": bool(n % 2), "cost_usd": 1e308}) for n in range(20)]
    lines += ["[" * 10_000, '{"at": "' + "9" * 1000 + '"}', "{}", "null", "1e999", '{"valid": NaN}']
    for name in ("model_calls.jsonl", "checker_calls.jsonl", "resources.jsonl"):
        (folder / name).write_bytes("\n".join(lines).encode("utf-8", "surrogatepass") + b"\n")


def write_notebook(folder: Path) -> None:
    outputs = [{"text": [EVIL]}, {"data": {"text/html": EVIL, EVIL: EVIL}}, {"traceback": [EVIL]}, 7]
    cells = [{"cell_type": "code", "source": [EVIL], "outputs": outputs}, {"cell_type": EVIL, "source": EVIL}, {"source": {}}]
    (folder / "code" / "evil.ipynb").write_text(json.dumps({"cells": cells}))
    (folder / "code" / "deep.ipynb").write_text("[" * 100_000)
    (folder / "code" / "evil.py").write_bytes(b"x = '" + EVIL.encode("utf-8", "surrogatepass").replace(b"\0", b"") + b"'\n")


def write_talk(runs_dir: Path) -> None:
    talk = Recording(make_group(runs_dir, "talk"))
    said: list[Said] = [User(EVIL), Agent(EVIL, EVIL, "call_1"), Result(EVIL, "call_1")]
    talk.call("chat", request("chat", EVIL, said), answers.Said(EVIL), model=EVIL, reason=EVIL)
    talk.call("chat", request("chat", "rules", [User("x")]), answers.Said(tool=(EVIL, {EVIL: EVIL})))
    talk.call("chat", request("chat", "rules", [User(f"```html\n{EVIL}\n```")]), None, outcome="failed", status=503, reason=EVIL)


def write_replaced(runs_dir: Path, name: str, make: Callable[[Path], object]) -> None:
    """A group in which every file except the plan is replaced by something else."""
    group = write_group(runs_dir, f"replaced-{name}", ("running", "gold", "hostile"))
    for place, run in enumerate(group.plan.runs):
        folder = group.run_dir(run.run_id)
        for inner in (*FILES_OF_A_RUN, *(["run.json"] if place == 2 else [])):
            (folder / inner).unlink(missing_ok=True)
            make(folder / inner)
    # to which no agent can write that is in a sandbox; they are read whole up to a bound
    for inner in FILES_OF_A_GROUP if make is not sparse else ():
        make(group.folder / inner)


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "runs"
    folder.mkdir()
    (folder / "secret.txt").write_text(SECRET)
    group = write_group(folder, GROUP, ("running", "hostile", "gold"))
    for run in group.plan.runs[:2]:
        there = write_hostile_outputs(group, run)
        (there / "code" / "secret.py").symlink_to(folder / "secret.txt")
        write_notebook(there)
        write_ledgers(there)
    write_talk(folder)
    for name, make in REPLACEMENTS.items():
        write_replaced(folder, name, make)
    gone = write_group(folder, "folders-replaced", ("gold", "running", "gold"))
    for run, name in zip(gone.plan.runs, ("folder-link", "pipe", "loop"), strict=True):
        shutil.rmtree(gone.run_dir(run.run_id))
        REPLACEMENTS[name](gone.run_dir(run.run_id))
    (folder / "large").mkdir()
    sparse(folder / "large" / "group.yaml")
    return folder


class Elements(HTMLParser):
    """What a browser would make of a page, as far as it could do harm, and where its links lead."""

    def __init__(self, root: str) -> None:
        super().__init__(convert_charrefs=True)
        self._root = root
        self.harm: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ELEMENTS or (tag == "script" and not dict(attrs).get("src")):
            self.harm.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name in ("style", "evil", "srcdoc", "formaction"):
                self.harm.append(f"{tag} {name}={value}")
            if name in ("href", "src", "action", "data-log") and value != "data:,":
                self._leads(tag, name, value or "")

    def _leads(self, tag: str, name: str, address: str) -> None:
        if not address.startswith((f"{self._root}/", "#")):
            self.harm.append(f"{tag} to {address}")
        elif name == "href":
            self.links.append(address.partition("#")[0])

    def handle_comment(self, data: str) -> None:
        self.harm.append(f"a comment: {data}")


def crawl(view: View, starts: list[str]) -> Iterator[tuple[str, str]]:
    """The address and the text of every page that is linked from the first ones, as it is sent."""
    table, waiting, known = Table(view.root, PAGES), list(starts), set(starts)
    for _ in range(MOST_PAGES):
        if not waiting:
            return
        address = waiting.pop()
        asked = Asked.of(address)
        if found := table.find(asked.path):
            made = found[0](view, asked.words, **found[1])
            assert made is not None, f"{address} leads nowhere"
            text = framed(view, made)
            yield address, text
            elements = Elements(view.root)
            elements.feed(text)
            fresh = [link for link in dict.fromkeys(elements.links) if link not in known and "sort=" not in link]
            known.update(fresh)
            waiting += fresh


def starts(view: View, name: str) -> list[str]:
    """Addresses from which all others are linked."""
    [watched] = view.runs.groups()
    runs = [record.run_id for record in watched.records]
    pages = [view.address("g", name, run_id, page) for run_id in runs for page in ("code", "conversation")]
    compared = [view.address("compare", "code", first=f"{name}/{run_id}", second=f"{name}/{runs[0]}") for run_id in runs]
    return [*pages, *compared, view.address()]


@pytest.mark.parametrize("group", [GROUP, "talk", "folders-replaced", "large", *(f"replaced-{name}" for name in REPLACEMENTS)])
def test_every_page_of_a_hostile_group_is_text(runs_dir: Path, group: str) -> None:
    view = View(WatchedRuns(runs_dir, only=group), "/token", allows_control=True)
    pages = 0
    for address, text in crawl(view, starts(view, group)):
        pages += 1
        elements = Elements(view.root)
        elements.feed(text)
        assert elements.harm == [], address
        assert [letter for letter in text if not (letter.isprintable() or letter in "\n\t")] == [], address
        text.encode()
        assert SECRET not in text and "root:x:" not in text, address
    assert pages >= (2 if group == "large" else 3)


def test_no_file_is_sent_that_a_link_leads_to(runs_dir: Path) -> None:
    view = View(WatchedRuns(runs_dir), "/token")
    table = Table(view.root, FILES)
    names = ("code/secret.py", "code/passwords", "code/etc/passwd", "run.log", "../../secret.txt", "code/../../../secret.txt")
    for group in (GROUP, "replaced-link", "replaced-folder-link", "folders-replaced"):
        for run_id in RUNS:
            for name in names:
                asked = Asked.of(view.address("g", group, run_id, "file", path=name))
                found = table.find(asked.path)
                assert found is not None
                content = found[0](view, asked.words, **found[1])
                # whether it is a link is seen when it is opened
                if content is not None and content.path is not None:
                    assert content.within is not None and content.path.is_relative_to(content.within)
                    assert ".." not in content.path.parts


def test_a_plan_of_gigabytes_is_not_read(runs_dir: Path) -> None:
    [large] = WatchedRuns(runs_dir, only="large").groups()
    assert large.group is None and "larger than 64.0 MiB" in (large.problem or "")


@pytest.fixture(scope="module")
def server(runs_dir: Path) -> Iterator[str]:
    """The address that `mlebench view` prints."""
    with commanded(runs_dir) as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        page.call("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        watching = "document.addEventListener('securitypolicyviolation', (event) => violations.push(event.blockedURI))"
        page.call("Page.addScriptToEvaluateOnNewDocument", source=f"window.violations = []; {watching}")
        yield page


def pages_of_a_browser(runs_dir: Path) -> Iterator[str]:
    view = View(WatchedRuns(runs_dir))
    run = Group.open(runs_dir / GROUP).plan.runs[1].run_id
    yield from (view.address(), view.address("g", GROUP), view.address("g", GROUP, run))
    yield from (view.address("g", GROUP, run, "code", file=f"code/{name}") for name in ("evil.py", "evil.ipynb"))
    yield view.address("g", "talk", "toy-a_seed0", "conversation")


def test_a_browser_makes_nothing_of_it(server: str, browser: Page, runs_dir: Path) -> None:
    made = ", ".join(["x-evil", "[evil]", "iframe", "img", "main script", "[onerror]", "[onload]", "[style]", "base"])
    for address in pages_of_a_browser(runs_dir):
        browser.visit(f"{server.rstrip('/')}{address}")
        browser.wait_for("!document.querySelector('.log') || document.querySelectorAll('.log .line').length > 0")
        assert browser.run(f"document.querySelectorAll('{made}').length") == 0, address
        assert browser.run("document.title") != "owned" and browser.run("violations") == []
        shown = browser.run("document.body.innerText")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown), address
    assert "<x-evil evil=1>" in shown and "\\u202egnp.exe" in shown
    hosts = {request.split("/")[2] for request in browser.requests if not request.startswith("data:")}
    assert hosts == {server.split("/")[2]} and browser.errors == []
