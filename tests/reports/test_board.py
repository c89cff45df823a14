"""A board holds the results that verify, once each, and says of all others why they have no row."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.evidence.bundle import make_bundle
from mlebench.runs.group import Group
from tests.browser import open_browser
from tests.evidence.toy_group import group, made, root

__all__ = ["group", "made", "root"]


@pytest.fixture
def bundles(group: Group, root: Path) -> Path:
    """A folder with a bundle of the toy group."""
    folder = root / "bundles"
    folder.mkdir()
    make_bundle([group], folder / "one.zip")
    return folder


def board(*words: object) -> int:
    return main(["board", *map(str, words)])


def test_a_bundle_that_verifies_has_a_row_a_page_and_its_copy(bundles: Path, root: Path) -> None:
    assert board(bundles, "-o", root / "site", "--rules", "none") == 0

    content = json.loads((root / "site" / "board.json").read_text())
    assert content["refused"] == [] and content["rows"]
    row = content["rows"][0]
    assert row["rank"] == 1 and row["levels"]["files"] == "holds"
    [copy] = (root / "site" / "bundles").iterdir()
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == row["sha256"]
    index = (root / "site" / "index.html").read_text()
    links = re.findall(r'href="((?:bundles|results)/[^"]+)"', index)
    assert links and all((root / "site" / link).is_file() for link in links)


def test_the_same_bundles_give_the_same_bytes_and_an_earlier_site_is_replaced(bundles: Path, root: Path) -> None:
    board(bundles, "-o", root / "site", "--rules", "none")
    before = {path: path.read_bytes() for path in (root / "site").rglob("*") if path.is_file()}
    board(bundles, "-o", root / "site", "--rules", "none")

    assert {path: path.read_bytes() for path in (root / "site").rglob("*") if path.is_file()} == before


def test_a_copy_and_a_changed_bundle_have_no_row(bundles: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(bundles / "one.zip", bundles / "two.zip")
    content = bytearray((bundles / "one.zip").read_bytes())
    content[len(content) // 2] ^= 1
    (bundles / "three.zip").write_bytes(content)

    assert board(bundles, "-o", root / "site", "--rules", "none", "--strict") == 1

    said = capsys.readouterr().err
    assert "two.zip has no row: it contains runs of one.zip, and each run counts only once" in said
    assert "three.zip has no row: level 1, files" in said


WIDE = """[...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth)
            .map((box) => [box.scrollWidth, box.clientWidth])"""


def test_the_table_needs_no_scroll_bar_even_where_names_are_long(bundles: Path, root: Path, tmp_path: Path) -> None:
    assert board(bundles, "-o", root / "site", "--rules", "none") == 0
    long = {
        1: "aide/o3-mini-high-tree-search (steps=500, budget usd=100)",
        6: "10,770.57",
        10: "ed25519:8f2c1d7e9b0a4c6d signed by Some Laboratory",
    }

    with open_browser(tmp_path / "profile") as page:
        page.resize(1300, 900)
        page.open(root / "site" / "index.html")
        page.run(
            f"for (const [place, text] of Object.entries({json.dumps(long)})) "
            "document.querySelector('tbody tr').cells[place].firstChild.textContent = text"
        )
        wide = page.run(WIDE)
        page.open(next((root / "site" / "results").glob("*.html")))
        wide_result = page.run(WIDE)
        errors = page.errors

    assert (wide, wide_result, errors) == ([], [], [])


def test_rules_keep_rows_out(bundles: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert board(bundles, "-o", root / "site") == 0
    assert "one.zip has no row: level 7, rules" in capsys.readouterr().err
    assert json.loads((root / "site" / "board.json").read_text())["rows"] == []


def test_other_files_are_not_taken_for_an_earlier_site(bundles: Path, root: Path) -> None:
    (root / "site").mkdir()
    (root / "site" / "mine.txt").write_text("mine")
    assert board(bundles, "-o", root / "site", "--rules", "none") == 2
    assert (root / "site" / "mine.txt").read_text() == "mine"


def test_the_policy_names_the_pages_script(bundles: Path, root: Path) -> None:
    board(bundles, "-o", root / "site", "--rules", "none", "--name", "<b>Ours</b>")
    page = (root / "site" / "index.html").read_text()
    [script] = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert "<b>Ours" not in page


def test_a_report_reads_a_bundle_and_refuses_a_changed_one(bundles: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(bundles / "one.zip"), "--json"]) == 0
    told = capsys.readouterr().out
    assert json.loads(told) and "mlebench-verify-" not in told

    content = bytearray((bundles / "one.zip").read_bytes())
    content[len(content) // 2] ^= 1
    (bundles / "one.zip").write_bytes(content)
    assert main(["report", str(bundles / "one.zip")]) == 2
    assert "mlebench verify" in capsys.readouterr().err
