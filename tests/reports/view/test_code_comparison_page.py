"""The code of two runs: which files differ, and how, line by line."""

from __future__ import annotations

import html
import random
import re
from pathlib import Path

import pytest

from mlebench.reports.view.code_comparison_page import make_code_comparison
from mlebench.reports.view.view import Page
from mlebench.runs.group import Group
from tests.reports.view.groups import HOSTILE, body, make_group, view_of, write_code

RUN = "toy-a_seed0"


@pytest.fixture
def groups(tmp_path: Path) -> tuple[Group, Group]:
    outcomes = {"toy-a": {0: "gold"}}
    return make_group(tmp_path, "one", outcomes), make_group(tmp_path, "two", outcomes)


def page_of(groups: tuple[Group, Group], **query: str) -> Page:
    asked = {"first": f"one/{RUN}", "second": f"two/{RUN}", **query}
    page = make_code_comparison(view_of(groups[0].folder.parent), asked)
    assert page is not None
    return page


def words(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<(?!/?(ins|del)\b)[^>]+>", " ", text)).split())


def rows(page: Page, anchor: str) -> list[str]:
    return [words(row) for row in re.findall(r"<tr[^>]*><td.*?</tr>", body(page, anchor).partition("<tbody>")[2])]


def test_files_are_told_apart(groups: tuple[Group, Group]) -> None:
    write_code(groups[0], RUN, {"train.py": "a\nb\nc\n", "same.py": "x\n", "mine.py": "", "model.bin": b"\0\1"})
    write_code(groups[1], RUN, {"train.py": "a\nB\nc\nd\n", "same.py": "x\n", "yours.py": "", "model.bin": b"\0\2"})
    page = page_of(groups)
    assert "5 files: 2 changed, 1 only in A, 1 only in B, 1 equal." in words(body(page, "files"))
    assert rows(page, "files") == [
        "code/model.bin changed – –",
        "code/train.py changed 2 1",
        "code/mine.py only in A – –",
        "code/yours.py only in B – –",
    ]
    [link] = re.findall(r'href="([^"]+)">code/train.py', body(page, "files"))
    assert html.unescape(link) == f"/compare/code?first=one%2F{RUN}&second=two%2F{RUN}&file=code%2Ftrain.py#file"


def test_a_file_is_shown_side_by_side_with_what_differs_within_lines(groups: tuple[Group, Group]) -> None:
    write_code(groups[0], RUN, {"train.py": "import os\nx = head(1)\nprint(x)\n"})
    write_code(groups[1], RUN, {"train.py": "import os\nx = tail(1)\nprint(x)\ndone()\n"})
    page = page_of(groups, file="code/train.py")
    assert "2 lines added, 1 line removed from A to B." in words(body(page, "file"))
    assert rows(page, "file") == [
        "1 import os 1 import os",
        "2 x = <del>head</del>(1) 2 x = <ins>tail</ins>(1)",
        "3 print(x) 3 print(x)",
        "4 done()",
    ]


def test_a_file_is_shown_unified(groups: tuple[Group, Group]) -> None:
    write_code(groups[0], RUN, {"train.py": "import os\nx = head(1)\n"})
    write_code(groups[1], RUN, {"train.py": "import os\nx = tail(1)\n"})
    page = page_of(groups, file="code/train.py", layout="unified")
    assert rows(page, "file") == ["1 1 import os", "2 − x = <del>head</del>(1)", "2 + x = <ins>tail</ins>(1)"]


def test_a_file_that_one_run_has_is_all_added(groups: tuple[Group, Group]) -> None:
    write_code(groups[1], RUN, {"train.py": "x\ny\n"})
    page = page_of(groups, file="code/train.py", layout="unified")
    assert rows(page, "file") == ["1 + x", "2 + y"]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("x\r\ny\r\n", "x\ny", "The lines are the same."),
        (b"\0\1", b"\0\2", "Not shown for A: it is not a text file. Not shown for B: it is not a text file."),
        ("", "", "There are no lines to compare."),
    ],
)
def test_what_cannot_be_shown_is_told(groups: tuple[Group, Group], first: str | bytes, second: str | bytes, told: str) -> None:
    write_code(groups[0], RUN, {"a.py": first})
    write_code(groups[1], RUN, {"a.py": second})
    assert told in words(body(page_of(groups, file="code/a.py"), "file"))


def test_attempts_at_one_run_can_be_compared(groups: tuple[Group, Group]) -> None:
    record = groups[0].record(groups[0].plan.runs[0])
    record.attempt, record.attempts = 2, [{"attempt": 1, "state": "failed"}]
    record.write(groups[0].run_dir(RUN))
    write_code(groups[0], RUN, {"train.py": "new\n"})
    write_code(groups[0], RUN, {"train.py": "old\n"}, attempt=1)
    page = page_of(groups, first=f"one/{RUN}/1", second=f"one/{RUN}", file="code/train.py", layout="unified")
    assert page.lead == f"A is one/{RUN}/1, B is one/{RUN}."
    assert rows(page, "file") == ["1 − old", "1 + new"]


def test_whatever_stands_in_code_is_text(groups: tuple[Group, Group]) -> None:
    name = "<script>x\n.py"
    write_code(groups[0], RUN, {name: f"{HOSTILE}\n" * 3})
    write_code(groups[1], RUN, {name: f"{HOSTILE} 2\n<ins>\n"})
    for layout in ("unified", "split"):
        page = page_of(groups, file=f"code/{name}", layout=layout)
        whole = "".join(section.html for section in page.sections)
        assert "owned" in whole and "<script>" not in whole
        assert "&lt;ins&gt;" in body(page, "file")


def test_hostile_files_are_bounded(groups: tuple[Group, Group]) -> None:
    """Many changed lines, very long ones, and many files; the test's own timeout is the bound."""
    rng = random.Random(1)
    lines = [f"line {number} of {rng.random()}" for number in range(19_000)]
    files = {f"many/{number}.py": "\n".join(rng.sample(lines, 1_000)) for number in range(100)}
    write_code(groups[0], RUN, {"shuffled.py": "\n".join(lines), "wide.py": "x " * 400_000, **files})
    files = {f"many/{number}.py": "\n".join(rng.sample(lines, 1_000)) for number in range(100)}
    write_code(groups[1], RUN, {"shuffled.py": "\n".join(rng.sample(lines, 19_000)), "wide.py": "y " * 400_000, **files})
    page = page_of(groups, file="code/shuffled.py")
    assert "More than 6,000 lines differ; the rest is not shown" in words(body(page, "file"))
    assert len(body(page, "file")) < 6_000_000
    assert len(body(page_of(groups, file="code/wide.py"), "file")) < 10_000


def test_without_runs_there_is_a_form(groups: tuple[Group, Group]) -> None:
    view = view_of(groups[0].folder.parent)
    page = make_code_comparison(view, {})
    assert page is not None and page.status == 200 and 'name="first"' in body(page, "choice")
    for wrong in ("one", "one/other", "three/x", f"one/{RUN}/9", f"../one/{RUN}", f"one/{RUN}/1/2", "<script>/x"):
        refused = make_code_comparison(view, {"first": wrong, "second": f"two/{RUN}"})
        assert refused is not None and refused.status == 404 and "<script>" not in body(refused, "choice")
