"""The code of an attempt: every file as text, whatever it is called and whatever it is."""

from __future__ import annotations

import html
import json
import os
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from mlebench.reports.view.addresses import words_of
from mlebench.reports.view.code_page import make_code
from mlebench.reports.view.view import Page
from mlebench.runs.group import Group
from tests.reports.view.groups import HOSTILE, body, make_group, view_of, write_code

RUN = "toy-a_seed0"


@pytest.fixture
def group(tmp_path: Path) -> Group:
    return make_group(tmp_path / "runs", "group", {"toy-a": {0: "gold"}})


def page_of(group: Group, **query: str) -> Page:
    page = make_code(view_of(group.folder.parent), query, "group", RUN)
    assert page is not None
    return page


def words(text: str) -> str:
    """What a reader sees of HTML."""
    text = re.sub(r'(<span class="hl-\w">)([^<]*)(</span>)', r"\2", text)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def files_linked(page: Page) -> list[str]:
    links = re.findall(r'<a href="([^"]+)#file"', body(page, "files"))
    return [parse_qs(urlsplit(html.unescape(link)).query)["file"][0] for link in links]


def test_files_are_a_tree_and_the_one_that_comes_first_is_shown(group: Group) -> None:
    write_code(group, RUN, {"src/model.py": "y = 2\n", "train.py": "x = 1\n", "a.txt": "words\n"})
    page = page_of(group)
    assert files_linked(page) == ["code/a.txt", "code/train.py", "code/src/model.py"]
    assert "code/ 3 files a.txt 6 B train.py 6 B src/ 1 file model.py 6 B" in words(body(page, "files"))
    assert 'aria-current="page">train.py' in body(page, "files")
    assert words(body(page, "file")) == "6 B Download 1 x = 1"
    assert page.every is None


def test_each_line_has_a_link(group: Group) -> None:
    write_code(group, RUN, {"train.py": "x = 1\n\ny = 2\n"})
    lines = re.findall(r'<li id="L(\d+)"><a href="#L(\d+)">\d+</a>', body(page_of(group), "file"))
    assert lines == [("1", "1"), ("2", "2"), ("3", "3")]


def test_a_file_is_found_by_its_name_below_code_too(group: Group) -> None:
    write_code(group, RUN, {"src/model.py": "y = 2\n"})
    for name in ("src/model.py", "code/src/model.py"):
        assert "y = 2" in words(body(page_of(group, file=name), "file"))


@pytest.mark.parametrize(
    "name", ["../run.json", "/etc/passwd", "code/../../run.json", "x.py", "code/", "\0", "code/link.py/../a"]
)
def test_nothing_but_a_file_of_the_tree_is_shown(group: Group, name: str) -> None:
    write_code(group, RUN, {"train.py": "x = 1\n"})
    page = page_of(group, file=name)
    assert page.status == 404 and words(body(page, "file")) == "The file does not exist or was removed."


def test_links_and_pipes_are_named_and_not_followed(group: Group) -> None:
    write_code(group, RUN, {"train.py": "x = 1\n"})
    code = group.run_dir(RUN) / "code"
    (code / "link.py").symlink_to("/etc/passwd")
    (code / "folder").symlink_to("/etc")
    os.mkfifo(code / "pipe.py")
    page = page_of(group)
    assert "folder a link link.py a link pipe.py a pipe" in words(body(page, "files"))
    assert files_linked(page) == ["code/train.py"]
    for name in ("code/link.py", "code/pipe.py", "code/folder"):
        assert "It is not shown: it is a " in words(body(page_of(group, file=name), "file"))


def test_a_folder_of_code_that_is_a_link_is_not_followed(group: Group) -> None:
    (group.run_dir(RUN) / "code").symlink_to("/etc")
    assert words(body(page_of(group), "files")) == "code/ cannot be read: a link"


def test_names_and_texts_of_an_agent_are_text(group: Group) -> None:
    names = ["<script>x.py", "new\nline.py", "\x1b[2J.txt", "\u202egpj.exe", "-rf", "'\"&<>.md"]
    write_code(group, RUN, dict.fromkeys(names, HOSTILE))
    page = page_of(group)
    assert sorted(files_linked(page)) == sorted(f"code/{name}" for name in names)
    for name in names:
        shown = page_of(group, file=f"code/{name}")
        whole = "".join(section.html for section in shown.sections) + html.escape(shown.title)
        assert "owned" in words(body(shown, "file"))
        assert "<script>" not in whole and not re.search(r"\son\w+=", re.sub(r">[^<]*<", "><", whole))


def test_a_name_that_is_not_utf_8_has_a_page(group: Group) -> None:
    write_code(group, RUN, {})
    name = os.fsdecode(b"code/\xff.py")
    (group.run_dir(RUN) / "code").mkdir(exist_ok=True)
    (group.run_dir(RUN) / name).write_text("kept = 1")
    (address,) = re.findall(r'<a href="([^"]+)#file"', body(page_of(group), "files"))
    asked = words_of(urlsplit(html.unescape(address)).query)
    assert asked == {"file": name}
    assert "kept = 1" in words(body(page_of(group, **asked), "file"))


def test_long_files_are_cut_and_said_to_be(group: Group) -> None:
    write_code(group, RUN, {"long.txt": "x\n" * 30_000, "large.txt": "word " * 400_000, "wide.txt": "y" * 50_000})
    for name, told in (("long.txt", "Cut after 10,000 lines"), ("large.txt", "Cut after 1 line")):
        shown = body(page_of(group, file=name), "file")
        assert told in words(shown) and len(shown) < 2_000_000
    assert len(body(page_of(group, file="wide.txt"), "file")) < 25_000


def test_binary_files_are_not_shown(group: Group) -> None:
    write_code(group, RUN, {"model.bin": b"\0\1\2" * 100})
    assert words(body(page_of(group), "file")) == "300 B Download Not shown: it is not a text file."


def test_many_files_are_bounded(group: Group) -> None:
    write_code(group, RUN, {f"many/{number}.py": "" for number in range(2_100)})
    page = page_of(group)
    assert len(files_linked(page)) == 2_000
    assert "100 more files are not shown" in words(body(page, "files"))


def test_notebooks_are_their_cells_and_what_they_printed(group: Group) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "<b>text</b>"]},
        {
            "cell_type": "code",
            "source": "import os\nprint(1)\n",
            "outputs": [
                {"output_type": "stream", "text": ["hello\n"]},
                {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": "<Figure>"}},
                {"output_type": "error", "traceback": ["\x1b[31mNameError\x1b[0m", "line 2"]},
                "no output",
            ],
        },
        "no cell",
    ]
    write_code(group, RUN, {"nb.ipynb": json.dumps({"cells": cells})})
    shown = words(body(page_of(group), "file"))
    assert shown.partition("Download ")[2] == (
        "Cell 1 # Title <b>text</b> Cell 2 1 import os 2 print(1) hello <Figure> Output of type image/png is not shown. "
        "NameError line 2"
    )
    assert '<span class="hl-k">import</span>' in body(page_of(group), "file")


@pytest.mark.parametrize("content", ["no json", "[1]", '{"cells": 1}', "[" * 100_000, ""])
def test_notebooks_that_are_none_are_texts(group: Group, content: str) -> None:
    write_code(group, RUN, {"nb.ipynb": content})
    assert content[:50] in words(body(page_of(group), "file"))


def test_scripts_among_the_logs_are_shown_too(group: Group) -> None:
    logs = group.run_dir(RUN) / "logs"
    logs.mkdir()
    (logs / "step.py").write_text("z = 3\n")
    (logs / "out.txt").write_text("no code\n")
    page = page_of(group, file="logs/step.py")
    assert files_linked(page) == ["logs/step.py"] and "z = 3" in words(body(page, "file"))


def test_earlier_attempts_have_their_own_code(group: Group) -> None:
    record = group.record(group.plan.runs[0])
    record.attempt, record.attempts = 2, [{"attempt": 1, "state": "failed"}]
    record.write(group.run_dir(RUN))
    write_code(group, RUN, {"train.py": "x = 2\n"})
    write_code(group, RUN, {"train.py": "x = 1\n"}, attempt=1)
    assert "x = 2" in words(body(page_of(group), "file"))
    assert "x = 1" in words(body(page_of(group, attempt="1"), "file"))
    since = "What changed since attempt 1"
    assert since in words(body(page_of(group), "files")) and since not in words(body(page_of(group, attempt="1"), "files"))
    assert f'/compare/code?first=group%2F{RUN}%2F1&amp;second=group%2F{RUN}"' in body(page_of(group), "files")
    for wrong in ("0", "3", "x", "../1", "01x", "٣"):
        assert make_code(view_of(group.folder.parent), {"attempt": wrong}, "group", RUN) is None


def test_a_run_without_code_says_so(group: Group) -> None:
    assert words(body(page_of(group), "files")) == "The agent left no code in `code/`."
    assert make_code(view_of(group.folder.parent), {}, "group", "other") is None
