"""What the live view answers: pages made once for all, files by ranges, acts by POST, and faults that tell a browser nothing."""

from __future__ import annotations

import gzip
import os
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from mlebench.errors import UsageError
from mlebench.reports.markup import Section
from mlebench.reports.view import renderings
from mlebench.reports.view.connections import Bounds
from mlebench.reports.view.routes import ACTS, FILES, PAGES
from mlebench.reports.view.view import Content, Page, Query, View
from tests.reports.view.builders import HOSTILE, HOSTILE_FILES, write_group
from tests.reports.view.running import TOKEN, Running, running
from tests.waiting import wait_until

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    write_group(folder, "one", ["gold", "running"])
    return folder


@pytest.fixture
def server(runs: Path) -> Iterator[Running]:
    with running(runs) as server:
        yield server


class Counted:
    """A page that counts how often it is made."""

    def __init__(self) -> None:
        self.made = 0
        self.seen: list[int] = []

    def __call__(self, view: View, query: Query, **parts: str) -> Page:
        self.made += 1
        states = " ".join(record.state for entry in view.runs.groups() for record in entry.records)
        return Page("Counted", sections=[Section("states", "States", f"{states} {query.get('word', '')} {parts}")])


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    page = Counted()
    for path in ("/counted", "/counted/{group}", "/counted/{group}/{run_id}"):
        monkeypatch.setitem(PAGES, path, page)
    return page


# --- pages ---


def test_a_page_comes_with_its_style_and_scripts_from_here_alone(server: Running) -> None:
    page = server.ask(server.path())

    assert page.status == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    addresses = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    linked = [address for address in addresses if not address.startswith("data:")]
    assert len(linked) >= 3 and all(address.startswith(f"/{TOKEN}/") for address in linked)
    for address in linked:
        assert server.ask(address).status == 200
    kinds = {
        address.rpartition(".")[2]: server.ask(address).headers["content-type"] for address in linked if "/static/" in address
    }
    assert kinds == {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}


def test_pages_hold_nothing_that_the_policy_forbids(server: Running) -> None:
    for path in (server.path(), server.path("g", "one"), server.path("no such page")):
        text = server.ask(path).text
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", text)


@pytest.mark.parametrize(
    "path", ["nothing", "g/none", "g/one/none", "static/none.css", "static/../view.js", "g/%2e%2e", "g/one/..", "g/"]
)
def test_what_is_not_there_has_a_page_that_says_so(server: Running, path: str) -> None:
    answer = server.ask(f"/{TOKEN}/{path}")

    assert answer.status == 404 and "There is no such page." in answer.text


def test_an_unchanged_page_is_not_sent_again(server: Running) -> None:
    first = server.ask(server.path())
    again = server.ask(server.path(), If_None_Match=first.headers["etag"])
    other = server.ask(server.path(), If_None_Match='"another"')

    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"] and not first.headers["etag"].startswith("W/")
    assert other.status == 200 and other.body == first.body
    assert first.headers["cache-control"] == "private, no-cache"


def test_pages_are_compressed_for_those_who_take_it(server: Running) -> None:
    plain = server.ask(server.path())
    packed = server.ask(server.path(), Accept_Encoding="br, gzip")

    assert "content-encoding" not in plain.headers and packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    # another body has another strong tag, and either one is known again
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert server.ask(server.path(), Accept_Encoding="gzip", If_None_Match=packed.headers["etag"]).status == 304


def test_a_head_has_no_body(server: Running) -> None:
    whole, head = server.ask(server.path()), server.ask(server.path(), "HEAD")

    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]


def test_fifty_viewers_at_once_cost_one_page(runs: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderings, "_LEAST_AGE", 600.0)
    with running(runs) as server:
        bodies: list[bytes] = []
        threads = [
            threading.Thread(target=lambda: bodies.append(server.ask(server.path("counted", word="x")).body)) for _ in range(50)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(bodies) == 50 and len(set(bodies)) == 1
    assert counted.made == 1


def test_a_page_is_made_again_when_what_it_shows_has_changed(
    runs: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_LEAST_AGE", "_AGE_PER_WORK"):
        monkeypatch.setattr(renderings, name, 0.0)
    monkeypatch.setattr(renderings, "_UNCHANGED_AGE", 600.0)
    with running(runs) as server:
        paths = [server.path("counted"), server.path("counted", "one"), server.path("counted", "one", "any")]
        group = server.view.runs.group("one")
        assert group is not None and group.group is not None
        run = group.group.plan.runs[1]
        paths.append(server.path("counted", "one", run.run_id))
        (runs / "one" / run.run_id / "run.log").write_text("one line")

        def made() -> list[int]:
            """How often each page is made when it is asked for twice."""
            counts = []
            for path in paths:
                before = counted.made
                server.ask(path), server.ask(path)
                counts.append(counted.made - before)
            return counts

        assert made() == [1, 1, 1, 1]
        assert made() == [0, 0, 0, 0]
        with (runs / "one" / run.run_id / "run.log").open("a") as log:
            log.write("another line")
        assert made() == [0, 0, 0, 1]
        write_group(runs, "two", ["gold"])
        server.view.runs.look_anew()
        assert made() == [1, 0, 0, 0]


def test_pages_that_are_kept_are_bounded(runs: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderings, "_LEAST_AGE", 600.0)
    monkeypatch.setattr(renderings, "_MOST_PAGES", 3)
    with running(runs) as server:
        for word in ("a", "b", "c", "d", "d", "a"):
            server.ask(server.path("counted", word=word))

    assert counted.made == 5


def test_parts_of_an_address_arrive_as_they_are_called(monkeypatch: pytest.MonkeyPatch, runs: Path) -> None:
    seen: list[object] = []

    def noted(view: View, query: Query, **parts: str) -> Page:
        seen.append((parts, dict(query)))
        return Page("Noted")

    monkeypatch.setitem(PAGES, "/noted/{name}", noted)
    monkeypatch.setitem(PAGES, "/deep/{path:.+}", noted)
    names = [*(name.replace("/", "") for name in HOSTILE_FILES), "a b+c&d=e?f#g%41", "bytes \udcff"]
    with running(runs) as server:
        for name in names:
            assert server.ask(server.path("noted", name, word=name)).status == 200
            assert server.ask(server.path("deep", f"x/{name}")).status == 200
        for wrong in ("deep/x%2f..%2fy", "deep/x//y", "deep/%00", "noted/a%2Fb", "noted/%2e"):
            assert server.ask(f"/{TOKEN}/{wrong}").status == 404

    assert seen == [entry for name in names for entry in (({"name": name}, {"word": name}), ({"path": f"x/{name}"}, {}))]


def test_a_page_that_cannot_be_made_says_so_and_tells_the_log_alone(
    runs: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(view: View, query: Query) -> Page:
        raise RuntimeError("the secret is <b>")

    monkeypatch.setitem(PAGES, "/broken", broken)
    monkeypatch.setattr(renderings, "_LEAST_AGE", 0.0)
    with running(runs) as server:
        answers = [server.ask(server.path("broken")) for _ in range(3)]
        assert server.ask(server.path()).status == 200

    assert [answer.status for answer in answers] == [500] * 3
    assert "This page could not be created" in answers[0].text
    assert "secret" not in answers[0].text and "Traceback" not in answers[0].text
    # once, however often viewers ask
    assert [record.levelname for record in caplog.records if record.name == renderings.__name__] == ["ERROR"]
    assert "RuntimeError" in caplog.text


def test_a_page_that_failed_once_is_tried_again(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = iter([RuntimeError("once")])

    def shaky(view: View, query: Query) -> Page:
        for error in outcomes:
            raise error
        return Page("Sound")

    monkeypatch.setitem(PAGES, "/shaky", shaky)
    monkeypatch.setattr(renderings, "_LEAST_AGE", 0.0)
    monkeypatch.setattr(renderings, "_AGE_PER_WORK", 0.0)
    with running(runs) as server:
        assert [server.ask(server.path("shaky")).status for _ in range(2)] == [500, 200]


def test_texts_of_agents_are_text(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hostile(view: View, query: Query) -> Page:
        return Page(HOSTILE, HOSTILE, crumbs=[(view.address("g", "<b>"), HOSTILE)])

    monkeypatch.setitem(PAGES, "/hostile", hostile)
    with running(runs) as server:
        text = server.ask(server.path("hostile")).text

    assert "<script>document" not in text and "<img" not in text and "&lt;script&gt;" in text
    assert not re.search("[\x00-\x08\x1b\u202e\ud800]", text)


def test_a_request_that_takes_too_long_is_answered_all_the_same(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()

    def slow(view: View, query: Query) -> Page:
        assert goes_on.wait(60)
        return Page("Slow")

    monkeypatch.setitem(PAGES, "/slow", slow)
    with running(runs, bounds=Bounds(answer_seconds=0.2)) as server:
        late = server.ask(server.path("slow"))
        goes_on.set()

    assert late.status == 503 and "too long" in late.text


# --- files ---


@pytest.fixture
def log(runs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that `/log/{path}` sends; others below its folder, too."""
    folder = runs / "one" / "files"
    folder.mkdir()
    path = folder / "run.log"
    path.write_bytes(bytes(range(256)) * 4096)

    def send(view: View, query: Query, path: str) -> Content | None:
        kind = "text/plain; charset=utf-8" if "text" in query else "application/octet-stream"
        return None if path == "none" else Content(path, kind, path=folder / path, within=folder)  # type: ignore[arg-type]

    monkeypatch.setitem(FILES, "/log/{path:.+}", send)
    monkeypatch.setitem(FILES, "/bytes", lambda view, query: Content(HOSTILE, "text/plain; charset=utf-8", b"<b>bytes</b>"))
    return path


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=1048566-", slice(1048566, None)),
        ("bytes=-10", slice(-10, None)),
        ("bytes=1000-99999999", slice(1000, None)),
        ("bytes=300000-700000", slice(300000, 700001)),
    ],
)
def test_ranges_of_a_file(log: Path, runs: Path, asked: str, part: slice) -> None:
    content = log.read_bytes()
    with running(runs) as server:
        answer = server.ask(server.path("log", "run.log"), Range=asked)

    start, end, _ = part.indices(len(content))
    assert answer.status == 206 and answer.body == content[part]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(content)}"


def test_the_whole_of_a_file_is_saved_and_never_shown(log: Path, runs: Path) -> None:
    with running(runs) as server:
        plain, text = server.ask(server.path("log", "run.log")), server.ask(server.path("log", "run.log", text=1))
        several = server.ask(server.path("log", "run.log"), Range="bytes=0-1,5-9")
        given = server.ask(server.path("bytes"))

    assert plain.status == 200 and plain.body == log.read_bytes() == several.body
    assert plain.headers["accept-ranges"] == "bytes"
    assert (plain.headers["content-type"], text.headers["content-type"]) == (
        "application/octet-stream",
        "text/plain; charset=utf-8",
    )
    assert given.body == b"<b>bytes</b>"
    for answer in (plain, text, given):
        assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["cache-control"] == "no-store"
    name = given.headers["content-disposition"]
    assert re.fullmatch(r"attachment; filename\*=UTF-8''[A-Za-z0-9%._~-]+", name) and "%2F" not in name and "%0A" not in name


def test_a_range_behind_the_end_says_how_long_the_file_is(log: Path, runs: Path) -> None:
    with running(runs) as server:
        size = log.stat().st_size
        answer = server.ask(server.path("log", "run.log"), Range=f"bytes={size}-")
        with log.open("ab") as file:
            file.write(b"more")
        later = server.ask(server.path("log", "run.log"), Range=f"bytes={size}-")

    assert answer.status == 416 and answer.headers["content-range"] == f"bytes */{size}"
    assert later.status == 206 and later.body == b"more"


def test_links_pipes_and_folders_are_not_sent(log: Path, runs: Path) -> None:
    folder = log.parent
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "etc").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    with running(runs) as server:
        found = {
            name: server.ask(server.path("log", name))
            for name in ("link", "etc/passwd", "pipe", ".", "missing", "none", "../group.yaml")
        }

    assert {answer.status for answer in found.values()} == {404}
    assert "a link" in found["link"].text and "a link" in found["etc/passwd"].text and "a pipe" in found["pipe"].text
    assert all(b"root:" not in answer.body for answer in found.values())


def test_a_file_of_many_gigabytes_is_sent_from_any_place_at_once(log: Path, runs: Path) -> None:
    size = 20 * 2**30
    with log.open("wb") as file:
        file.truncate(size - 5)
        file.seek(size - 5)
        file.write(b"end.\n")
    with running(runs) as server:
        answer = server.ask(server.path("log", "run.log"), Range="bytes=-5")

    assert answer.body == b"end.\n" and answer.headers["content-range"] == f"bytes {size - 5}-{size - 1}/{size}"


def test_a_file_that_becomes_shorter_ends_the_connection(log: Path, runs: Path) -> None:
    with log.open("wb") as file:
        file.truncate(2**30)
    with running(runs) as server, server.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        connection.sendall(f"GET {server.path('log', 'run.log')} HTTP/1.1\r\nHost: {server.host}\r\n\r\n".encode())
        assert b"Content-Length: 1073741824" in connection.recv(2000)
        os.truncate(log, 0)
        received = 0
        try:
            while block := connection.recv(2**20):
                received += len(block)
        except ConnectionError:
            pass
        assert received < 2**30
        assert server.ask(server.path()).status == 200


# --- acts ---


@pytest.fixture
def acts(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    done: list[object] = []

    def act(view: View, form: Query, group: str) -> Page | str:
        done.append((group, dict(form)))
        if form["do"] == "refuse":
            raise UsageError("it cannot be done; `mlebench runs` tells why")
        return Page("Asked again") if form["do"] == "ask" else view.address("g", group)

    monkeypatch.setitem(ACTS, "/g/{group}/act", act)
    return done


def post(server: Running, form: dict[str, str], **headers: str) -> tuple[int, str]:
    told = {"Origin": f"http://{server.host}", "Content_Type": FORM, **headers}
    answer = server.ask(server.path("g", "one", "act"), "POST", urlencode(form).encode(), **told)
    return answer.status, answer.headers.get("location", answer.text)


def test_an_act_is_done_and_leads_to_a_page(runs: Path, acts: list[object]) -> None:
    with running(runs, allows_control=True) as server:
        done = post(server, {"do": "pause", "text": "ü & <b>"})
        refused = post(server, {"do": "refuse"})
        asked = post(server, {"do": "ask"})

    assert done == (303, f"/{TOKEN}/g/one")
    assert refused[0] == 409 and "it cannot be done" in refused[1]
    assert asked[0] == 200 and "Asked again" in asked[1]
    assert acts == [("one", {"do": "pause", "text": "ü & <b>"}), ("one", {"do": "refuse"}), ("one", {"do": "ask"})]


def test_nothing_is_done_unless_control_is_allowed_and_the_form_is_ours(runs: Path, acts: list[object]) -> None:
    with running(runs) as server:
        assert post(server, {"do": "pause"})[0] == 403
    with running(runs, allows_control=True) as server:
        assert post(server, {"do": "pause"}, Origin="http://evil.example")[0] == 403
        assert post(server, {"do": "pause"}, Origin="null")[0] == 403
        assert post(server, {"do": "pause"}, Content_Type="text/plain")[0] == 400
        assert post(server, {"do": "x" * 2**15})[0] == 400
        assert server.ask(server.path("g", "one", "act"), "POST", b"do=pause", Content_Type=FORM).status == 403
        assert server.ask(server.path(), "POST", b"", Origin=f"http://{server.host}", Content_Type=FORM).status == 405
        assert server.ask(server.path("g", "one", "act")).status == 404

    assert acts == []


def test_pages_show_at_once_what_an_act_has_changed(
    runs: Path, acts: list[object], counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renderings, "_LEAST_AGE", 600.0)
    with running(runs, allows_control=True) as server:
        server.ask(server.path("counted"))
        write_group(runs, "two", ["failed"])
        post(server, {"do": "pause"})
        assert "failed" in server.ask(server.path("counted")).text


def test_the_server_ends_while_somebody_waits(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def slow(view: View, query: Query) -> Page:
        begun.set()
        goes_on.wait(60)
        return Page("Slow")

    monkeypatch.setitem(PAGES, "/slow", slow)
    with running(runs) as server, server.connect() as connection:
        connection.sendall(f"GET {server.path('slow')} HTTP/1.1\r\nHost: {server.host}\r\n\r\n".encode())
        wait_until(begun.is_set)
    goes_on.set()
