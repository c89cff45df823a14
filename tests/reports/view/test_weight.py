"""Every page that links lead to is light, whole, and keeps to the policy, with real groups of every shape behind it."""

from __future__ import annotations

import gzip
import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from tests.reports.view.builders import (
    SHAPES,
    write_group,
    write_hostile_outputs,
    write_imported,
    write_outputs,
    write_unreadable,
)
from tests.reports.view.running import Answer, Running, running

LARGEST_BYTES = 300_000
"""Of a page with its style and scripts, as they are transferred."""
MOST_PAGES = 150


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("runs")
    for shape, kinds in SHAPES.items():
        (write_imported if shape == "imported" else write_group)(folder, shape, kinds)
    full = write_group(folder, "benchmark", (*SHAPES["done"], *SHAPES["running"]) * 17)
    for run in full.plan.runs[:3]:
        write_outputs(full, run)
    hostile = write_group(folder, "hostile-files", ("hostile", "gold"))
    write_hostile_outputs(hostile, hostile.plan.runs[0])
    write_unreadable(folder, "unreadable")
    with running(folder, allows_control=True) as server:
        yield server


@pytest.fixture(scope="module")
def pages(server: Running) -> dict[str, Answer]:
    """Pages by path, from the first one on; of paths that differ by their query alone, the first few."""
    found: dict[str, Answer] = {}
    waiting, kinds = [server.path()], dict[str, int]()
    while waiting and len(found) < MOST_PAGES:
        path = waiting.pop(0)
        kind = path.partition("?")[0]
        if path in found or kinds.get(kind, 0) > 2:
            continue
        answer = server.ask(path, Accept_Encoding="gzip")
        if "attachment" in answer.headers.get("content-disposition", ""):
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
        found[path] = answer
        waiting += [address.partition("#")[0] for address in links(answer) if address.startswith(server.path())]
    return found


def links(answer: Answer) -> list[str]:
    return [html.unescape(address) for address in re.findall(r'<a[^>]* href="([^"]*)"', text(answer))]


def text(answer: Answer) -> str:
    return gzip.decompress(answer.body).decode()


def test_no_link_leads_nowhere(pages: dict[str, Answer]) -> None:
    assert {path: answer.status for path, answer in pages.items() if answer.status != 200} == {}


def test_links_lead_to_this_server_alone(pages: dict[str, Answer], server: Running) -> None:
    for answer in pages.values():
        addresses = [address for address in links(answer) if not address.startswith("#")]
        assert [address for address in addresses if not address.startswith(server.path())] == []


def test_no_page_is_heavy(pages: dict[str, Answer], server: Running) -> None:
    linked: dict[str, int] = {}
    heavy = {}
    for path, answer in pages.items():
        weight = len(answer.body)
        for address in re.findall(r'(?:src|href)="([^"]*/static/[^"]+)"', text(answer)):
            if address not in linked:
                linked[address] = len(server.ask(address, Accept_Encoding="gzip").body)
            weight += linked[address]
        if weight >= LARGEST_BYTES:
            heavy[path] = weight
    assert heavy == {}


class Forbidden(HTMLParser):
    """Finds what the policy would keep from working."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag in ("style", "iframe", "object", "embed", "base") or (tag == "script" and "src" not in told):
            self.found.append(tag)
        self.found += [f"{tag} {name}" for name in told if name == "style" or name.startswith("on")]
        addresses = [told.get(name) or "" for name in ("href", "src", "action", "formaction")]
        self.found += [f"{tag} to {address}" for address in addresses if not re.match("[/#?]|data:|$", address)]


def test_no_page_holds_what_the_policy_forbids(pages: dict[str, Answer]) -> None:
    for path, answer in pages.items():
        parser = Forbidden()
        parser.feed(text(answer))
        assert parser.found == [], path


def test_an_unchanged_page_is_the_same_to_the_byte(pages: dict[str, Answer], server: Running) -> None:
    """A clock in a page would have every viewer's page replaced all the time."""
    with running(server.view.runs.folder, allows_control=True) as other:
        changed = [path for path, answer in pages.items() if text(other.ask(path, Accept_Encoding="gzip")) != text(answer)]
    assert changed == []
