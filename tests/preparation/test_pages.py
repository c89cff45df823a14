"""Kaggle's own pages are kept for people; agents get ours unless the profile says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.preparation.pages import pages_folder, task_text
from mlebench.registry import Competition, Registry
from tests.kaggle.conftest import TABLE, kaggle
from tests.kaggle.loopback import LoopbackKaggle

__all__ = ["kaggle"]

# one server at a time has the client's port
pytestmark = pytest.mark.xdist_group("kaggle")

PAGES = [
    {"name": "rules", "content": "Do not cheat.", "mimeType": "text/markdown"},
    {"name": "data-description", "content": "Two tables.", "mimeType": "text/markdown"},
    {"name": "description", "content": "<p>A ship is lost.</p>", "mimeType": "text/html"},
    {"name": "evaluation", "content": "Accuracy.", "mimeType": "text/markdown"},
]


def competition() -> Competition:
    return Registry().get_competition(TABLE)


def test_pages_lie_beside_the_prepared_data_and_never_in_public(kaggle: LoopbackKaggle) -> None:
    kaggle.contests[TABLE].pages = PAGES
    assert main(["prepare", TABLE, "--no-verify", "--kaggle-pages"]) == 0
    names = {path.name for path in pages_folder(competition()).iterdir()}
    assert names == {"rules.md", "data-description.md", "description.html", "evaluation.md", "pages.json"}
    public = [path for path in competition().public_dir.rglob("*") if path.is_file()]
    assert not any(b"A ship is lost." in path.read_bytes() for path in public)
    assert (competition().public_dir / "description.md").read_text() == competition().description


def test_pages_of_what_is_prepared_already_are_fetched_again(kaggle: LoopbackKaggle) -> None:
    assert main(["prepare", TABLE, "--mock"]) == 0
    kaggle.contests[TABLE].pages = PAGES[:2]
    assert main(["prepare", TABLE, "--mock", "--kaggle-pages"]) == 0
    kaggle.contests[TABLE].pages = PAGES[2:]
    assert main(["prepare", TABLE, "--mock", "--kaggle-pages"]) == 0
    assert {path.name for path in pages_folder(competition()).iterdir()} == {"description.html", "evaluation.md", "pages.json"}


def test_the_task_in_kaggles_words_is_overview_evaluation_and_data(kaggle: LoopbackKaggle) -> None:
    with pytest.raises(UsageError, match="--kaggle-pages"):
        task_text(competition())
    kaggle.contests[TABLE].pages = PAGES
    assert main(["prepare", TABLE, "--mock", "--kaggle-pages"]) == 0
    assert task_text(competition()) == "<p>A ship is lost.</p>\n\nAccuracy.\n\nTwo tables."


def test_a_competition_without_pages_is_told(kaggle: LoopbackKaggle, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", TABLE, "--mock", "--kaggle-pages"]) == 1
    assert "shows no pages" in capsys.readouterr().err


def test_agents_read_kaggles_words_only_if_the_profile_says_so(kaggle: LoopbackKaggle, tmp_path: Path) -> None:
    kaggle.contests[TABLE].pages = PAGES
    assert main(["prepare", TABLE, "--mock", "--kaggle-pages"]) == 0
    agent = tmp_path / "reader"
    agent.mkdir()
    (agent / "agent.yaml").write_text("description: keeps the task text\n")
    (agent / "start.sh").write_text('#!/bin/sh\ncp "$DATA_DIR"/description.md "$LOGS_DIR"/task.md\n')
    (agent / "start.sh").chmod(0o755)
    texts = []
    for setting in ("ours", "kaggle"):
        profile = ["--profile", "demo", "--profile-set", f"task_text={setting}"]
        where = ["--sandbox", "local", "--runs-dir", str(tmp_path / "runs"), "--name", setting]
        main(["run", "--agent", str(agent), "-c", TABLE, *profile, *where])
        (found,) = (tmp_path / "runs" / setting).rglob("task.md")
        texts.append(found.read_text())
    assert texts == [competition().description, task_text(competition())]
