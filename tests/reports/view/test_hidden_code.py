"""No crowd of files hides a file: what the list has no room for is found by its name, and said to be left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.reports.view.code_page import make_code
from mlebench.reports.view.run_code import MOST_FILES, code_tree
from mlebench.reports.view.view import Page
from mlebench.runs.group import Group
from tests.reports.view.groups import body, make_group, view_of, write_code

COMPETITION = "leaf-classification"
RUN = f"{COMPETITION}_seed0"
FIRST_ENTRIES = 50


@pytest.fixture
def group(tmp_path: Path) -> Group:
    return make_group(tmp_path / "runs", "one", {COMPETITION: {0: "gold"}})


def page_of(group: Group, **query: str) -> Page:
    page = make_code(view_of(group.folder.parent), query, "one", RUN)
    assert page is not None
    return page


def test_a_file_behind_many_is_found_by_its_name(group: Group) -> None:
    write_code(group, RUN, {f"a{number:05}.py": "" for number in range(MOST_FILES)} | {"solve.py": "the_answer = 42\n"})
    page = page_of(group, file="code/solve.py")
    assert page.status == 200 and "the_answer" in body(page, "file")
    assert "1 more files are not shown" in body(page, "files")


def test_of_a_folder_that_holds_too_many_the_first_are_shown(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlebench.reports.view.run_code._MOST_ENTRIES", FIRST_ENTRIES)
    write_code(group, RUN, {f"{number}.py": "" for number in range(FIRST_ENTRIES + 1)})
    folder = group.run_dir(RUN)
    tree = code_tree(folder, folder)
    assert len(tree.files) == FIRST_ENTRIES
    assert tree.problems == (f"code/ contains more than {FIRST_ENTRIES} entries; only the first are shown",)


@pytest.mark.parametrize(
    "name", ["code/link.py", "logs/notes.txt", "run.json", "code", "code/..", "snapshots/x.py", "code/\0.py"]
)
def test_a_name_leads_to_no_other_file(group: Group, name: str) -> None:
    write_code(group, RUN, {"train.py": ""})
    folder = group.run_dir(RUN)
    (folder / "code" / "link.py").symlink_to("/etc/hostname")
    for inner in ("logs", "snapshots"):
        (folder / inner).mkdir()
    (folder / "logs" / "notes.txt").write_text("x")
    (folder / "snapshots" / "x.py").write_text("x")
    if name == "code/link.py":
        # it is in the tree, and not opened
        assert "not shown: it is a link" in body(page_of(group, file=name), "file")
    else:
        assert page_of(group, file=name).status == 404


def test_folders_that_lie_too_deep_fill_no_page(group: Group) -> None:
    deep = group.run_dir(RUN) / "code" / "/".join("d" * 11)
    for number in range(100):
        (deep / str(number) / "deeper").mkdir(parents=True)
    tree = code_tree(group.run_dir(RUN), group.run_dir(RUN))
    assert len(tree.problems) == 21 and tree.problems[-1] == "80 more folders are omitted"
