"""A page of somebody else's in the same browser, who even knows the token, neither reads nor does anything."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.browser import Page, open_browser
from tests.reports.view.builders import write_group
from tests.reports.view.running import commanded

ATTACK = """<!doctype html><title>other</title>
<form id="plain" method="post" enctype="text/plain" action="ADDRESSg/one/act"><input name="do" value="cancel"></form>
<form id="form" method="post" action="ADDRESSg/one/act"><input name="do" value="cancel"></form>
<script>
  window.got = {};
  const address = "ADDRESS";
  const coded = { "Content-Type": "application/x-www-form-urlencoded" };
  const asked = {
    read: ["", {}],
    act: ["g/one/act", { method: "POST", body: "do=cancel", headers: coded }],
    blind: ["g/one/act", { method: "POST", body: "do=cancel", headers: coded, mode: "no-cors" }],
    keys: ["g/one/act", { method: "POST", body: new URLSearchParams({ do: "cancel" }), credentials: "include" }],
  };
  const loaded = (name, path, more) => new Promise((done) => {
    const element = Object.assign(document.createElement(name), more);
    element.onload = () => done("loaded");
    element.onerror = () => done("refused");
    element[name === "link" ? "href" : "src"] = address + path;
    document.body.append(element);
  });
  (async () => {
    for (const [name, [path, options]] of Object.entries(asked))
      got[name] = await fetch(address + path, options).then((answer) => `answered ${answer.type}`, () => "refused");
    got.script = await loaded("script", "static/view.js", {});
    got.style = await loaded("link", "static/page.css", { rel: "stylesheet" });
    got.image = await loaded("img", "static/page.css", {});
    got.done = true;
  })();
</script>"""


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("other-sites") / "runs"
    write_group(folder, "one", ("queued", "running"))
    return folder


@pytest.fixture(scope="module")
def address(runs_dir: Path) -> Iterator[str]:
    """Of a server that lets itself be controlled."""
    with commanded(runs_dir, "--allow-control") as address:
        yield address


@pytest.fixture(scope="module")
def elsewhere(address: str) -> Iterator[str]:
    """The port of another server of this machine, whose pages attack the first."""

    class Attacking(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(ATTACK.replace("ADDRESS", address).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Attacking) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield str(server.server_port)
        server.shutdown()
        thread.join(60)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        page.call("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        yield page


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def open_attack(browser: Page, name: str, port: str) -> None:
    """Open the other page, and wait until it has tried everything but its forms."""
    browser.call("Page.navigate", url=f"http://{name}:{port}/")
    browser.wait_for(f"location.host === '{name}:{port}' && window.got?.done === true")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_nothing_is_read_or_done(address: str, elsewhere: str, browser: Page, runs_dir: Path, name: str) -> None:
    """The first is of the same site, as ports make none of their own; the second is of another."""
    before = files(runs_dir)
    open_attack(browser, name, elsewhere)
    assert set(browser.run("Object.values(got)")) == {"refused", True}
    for form in ("plain", "form"):
        browser.run(f"document.getElementById({json.dumps(form)}).submit()")
        browser.wait_for("document.body?.innerText.includes('another site')")
        open_attack(browser, name, elsewhere)
    assert files(runs_dir) == before


def test_our_own_page_is_obeyed(address: str, browser: Page, runs_dir: Path) -> None:
    """The same act, so that what is refused above is not refused for another reason."""
    browser.visit(f"{address}g/one/act?do=cancel")
    before = files(runs_dir)
    browser.run("document.querySelector('form.act button').click()")
    browser.wait_for("location.pathname.endsWith('/g/one')")
    assert files(runs_dir) != before
