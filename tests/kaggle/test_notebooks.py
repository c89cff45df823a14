"""The most voted notebooks of a competition, with the user's account: kept outside what agents see, and fetched once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.errors import UsageError, WorkFailed
from mlebench.evidence.review.similarity.code_set import texts_below
from mlebench.kaggle.notebooks import fetch_notebooks, notebooks_folder
from mlebench.registry import Competition, Registry
from tests.kaggle.conftest import TABLE
from tests.kaggle.loopback import Fault, Kernel, LoopbackKaggle

CELLS = json.dumps({"cells": [{"cell_type": "code", "source": ["x = 1\n", "y = 2"]}], "nbformat": 4})


def competition() -> Competition:
    return Registry().get_competition(TABLE)


@pytest.fixture
def written(kaggle: LoopbackKaggle) -> LoopbackKaggle:
    kaggle.contests[TABLE].kernels = [
        Kernel("ada/second-best", "print(2)", votes=20, kind="script", title="Zwei \x1b[31m"),
        Kernel("bob/the-best", CELLS, votes=300),
        Kernel("eve/in-r", "x <- 1", votes=7, kind="script", language="r"),
        *(Kernel(f"carl/minor-{place}", CELLS, votes=0) for place in range(40)),
    ]
    return kaggle


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"notebooks.json", ".gitignore"}


def test_the_most_voted_come_first_from_as_many_pages_as_it_takes(written: LoopbackKaggle) -> None:
    found = fetch_notebooks(competition(), number=30)
    assert [(entry.ref, entry.votes, entry.file) for entry in found.notebooks[:3]] == [
        ("bob/the-best", 300, "bob__the-best.ipynb"),
        ("ada/second-best", 20, "ada__second-best.py"),
        ("eve/in-r", 7, "eve__in-r.R"),
    ]
    assert len(found.notebooks) == found.fetched == 30 and found.refused == []
    assert found.folder == notebooks_folder(competition()) == competition().root / "notebooks"
    assert (found.folder / "bob__the-best.ipynb").read_text() == CELLS
    assert len(written.requests("ListKernels")) == 2 and written.requests("ListKernels")[0].body["sortBy"] == "VOTE_COUNT"
    assert next(iter(texts_below(found.folder / "bob__the-best.ipynb"))).text == "# %%\nx = 1\ny = 2\n"


def test_the_index_says_whose_they_are_and_nothing_is_committed(written: LoopbackKaggle) -> None:
    folder = fetch_notebooks(competition(), number=2).folder
    assert "\x1b" not in (folder / "notebooks.json").read_text()
    index = json.loads((folder / "notebooks.json").read_text())
    assert (index["competition"], index["sorted_by"]) == (TABLE, "voteCount")
    assert index["notebooks"][1] | {"sha256": "", "last_run": ""} == {
        "ref": "ada/second-best", "title": "Zwei \x1b[31m", "votes": 20, "url": "https://www.kaggle.com/code/ada/second-best",
        "language": "python", "last_run": "", "file": "ada__second-best.py", "sha256": "", "licence": "unknown",
    }  # fmt: skip
    assert (folder / ".gitignore").read_text() == "*\n"


def test_what_is_there_is_not_fetched_again_unless_it_changed(written: LoopbackKaggle) -> None:
    folder = fetch_notebooks(competition(), number=3).folder
    assert fetch_notebooks(competition(), number=3).fetched == 0
    assert len(written.requests("GetKernel")) == 3
    (folder / "ada__second-best.py").write_text("torn")
    written.contests[TABLE].kernels[1].last_run = "2024-03-01T10:00:00.000Z"
    assert fetch_notebooks(competition(), number=3).fetched == 2
    assert (folder / "ada__second-best.py").read_text() == "print(2)"


def test_an_interrupted_fetch_goes_on_where_it_stopped(written: LoopbackKaggle, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def interrupt(line: str) -> None:
        asked.append(line)
        if len(asked) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_notebooks(competition(), number=5, tell=interrupt)
    found = fetch_notebooks(competition(), number=5)
    assert (len(found.notebooks), found.fetched) == (5, 3)


def test_those_fetched_before_stay_listed(written: LoopbackKaggle) -> None:
    fetch_notebooks(competition(), number=3)
    folder = fetch_notebooks(competition(), number=1, sort_by="dateRun").folder
    listed = {entry["ref"] for entry in json.loads((folder / "notebooks.json").read_text())["notebooks"]}
    assert listed == {"bob/the-best", "ada/second-best", "eve/in-r"} and len(names(folder)) == 3


def test_faults_of_the_way_are_borne_and_those_of_one_notebook_told(
    written: LoopbackKaggle, capsys: pytest.CaptureFixture[str]
) -> None:
    written.fail("ListKernels", Fault(status=503))
    written.fail("GetKernel", Fault(status=429, retry_after="0"), Fault(break_after=0))
    written.contests[TABLE].kernels[0].readable = False
    written.contests[TABLE].kernels[2].source = " "
    assert main(["notebooks", "fetch", TABLE, "--number", "3", "--json"]) == 0
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert [entry["ref"] for entry in document["notebooks"]] == ["bob/the-best"] and document["fetched"] == 1
    assert [sentence.partition(" (")[0] for sentence in document["refused"]] == [
        "Kaggle does not show the notebook ada/second-best to this account",
        "eve/in-r is empty",
    ]
    assert "skipped: eve/in-r is empty" in said.err


@pytest.mark.parametrize("ref", ["../../etc/passwd", "ada/..", "ada/x\x00y", "", "ada"])
def test_names_are_not_taken_on_trust(kaggle: LoopbackKaggle, ref: str, tmp_path: Path) -> None:
    kaggle.contests[TABLE].kernels = [Kernel(ref, "x", votes=9), Kernel("bob/fine", CELLS)]
    found = fetch_notebooks(competition(), tmp_path / "out")
    assert names(found.folder) <= {"bob__fine.ipynb", "etc__passwd.ipynb"} and "bob__fine.ipynb" in names(found.folder)
    assert {path.name for path in tmp_path.iterdir()} <= {"home", "data", "out"}


def test_a_table_for_people_and_a_folder_of_ones_own(
    written: LoopbackKaggle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["notebooks", "fetch", TABLE, "-o", str(tmp_path / "own"), "--number", "2"]) == 0
    said = capsys.readouterr()
    assert "bob/the-best" in said.out and "300" in said.out and "\x1b[31m" not in said.out
    assert names(tmp_path / "own") == {"bob__the-best.ipynb", "ada__second-best.py"}


def test_never_where_agents_see_them(written: LoopbackKaggle, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["notebooks", "fetch", TABLE, "-o", str(competition().public_dir / "more")]) == 2
    assert "which agents see; choose another folder with -o" in capsys.readouterr().err
    assert not competition().public_dir.exists()


def test_what_cannot_be_had_is_one_sentence(kaggle: LoopbackKaggle, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["notebooks", "fetch", TABLE]) == 1
    assert f"Kaggle shows no public notebooks of {TABLE}" in capsys.readouterr().err
    del kaggle.contests[TABLE]
    assert main(["notebooks", "fetch", TABLE]) == 1
    assert f"Kaggle does not show {TABLE} to this account" in capsys.readouterr().err
    assert main(["notebooks", "fetch", "spaceship-titanik"]) == 2
    assert "spaceship-titanic" in capsys.readouterr().err
    assert main(["notebooks", "fetch", "demo-wine"]) == 2
    assert "demo-wine is not on Kaggle" in capsys.readouterr().err
    assert not notebooks_folder(competition()).exists()


def test_without_credentials_it_says_how_to_get_some(kaggle: LoopbackKaggle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    with pytest.raises(UsageError, match="no Kaggle credentials found; create a token"):
        fetch_notebooks(competition())


def test_a_kaggle_that_is_down_is_not_waited_for_without_end(written: LoopbackKaggle) -> None:
    from mlebench.kaggle.transfer import Transfer

    written.fail("GetKernel", *[Fault(status=503)] * 50)
    with pytest.raises(WorkFailed, match="Kaggle failed for"):
        fetch_notebooks(competition(), transfer=Transfer(0.2))
