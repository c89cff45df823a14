"""Links in documents work on a code host, which shows the files of the repository, and on the site that mkdocs builds."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from markdown.extensions.toc import slugify

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("**/*.md"))]
_FENCE = re.compile(r"^ *(```|~~~).*?^ *\1", flags=re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|\b(?:src|href)=\"([^\"]+)\"")


@cache
def tracked() -> set[Path]:
    """Files in a clone; all files here if this is not a clone, such as an unpacked sdist."""
    listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        return {path for path in ROOT.rglob("*") if path.is_file()}
    return {ROOT / name for name in listed.stdout.split("\0") if name}


def links(page: Path) -> Iterator[str]:
    """Links and pictures of a page that lead to no other host."""
    text = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", page.read_text(encoding="utf-8")))
    for found in _LINK.finditer(text):
        target = found[1] or found[2]
        if not re.match(r"[a-z]+:", target):
            yield target


@cache
def anchors(page: Path) -> tuple[set[str], set[str]]:
    """Of the headings of a page, as a code host makes them and as the site does."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = [
        re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", line)
        for line in re.findall(r"^#{1,6} +(.+?) *#*$", text, flags=re.MULTILINE)
    ]
    on_host = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
    return set(numbered(on_host, "-")), set(numbered([slugify(title, "-") for title in titles], "_"))


def numbered(names: list[str], separator: str) -> Iterator[str]:
    """Names as they become anchors: the second of a kind has a number."""
    for place, name in enumerate(names):
        earlier = names[:place].count(name)
        yield f"{name}{separator}{earlier}" if earlier else name


def dead(page: Path, link: str) -> str | None:
    """What is wrong with a link."""
    place, _, anchor = link.partition("#")
    target = (page.parent / place).resolve() if place else page
    if place.startswith("/"):
        return "is absolute, so that it leads elsewhere on each host"
    if target not in tracked() and not (target.is_dir() and target.is_relative_to(ROOT)):
        return "leads to no file of the repository"
    if page.is_relative_to(DOCS) and not target.is_relative_to(DOCS):
        return "leaves docs/, which the site does not hold"
    if anchor and target.suffix == ".md":
        on_host, on_site = anchors(target)
        missing = [name for name, known in (("code host", on_host), ("site", on_site)) if anchor not in known]
        return f"has no such heading on the {' and the '.join(missing)}" if missing else None
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_work_on_a_code_host_and_on_the_site(page: Path) -> None:
    assert {link: wrong for link in links(page) if (wrong := dead(page, link))} == {}


def test_dead_links_would_be_found(tmp_path: Path) -> None:
    page = DOCS / "index.md"
    assert dead(page, "runs.md") is None
    wrong = ["nowhere.md", "runs.md#no-such-heading", "../README.md", "/runs.md"]
    assert all(dead(page, link) for link in wrong)


def test_anchors_are_those_of_each_kind_of_host(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `b` – c\n\n```\n# no heading\n```\n\n## Twice\n\n## Twice\n", encoding="utf-8")
    assert anchors(page) == ({"a-b--c", "twice", "twice-1"}, {"a-b-c", "twice", "twice_1"})
