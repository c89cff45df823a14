"""A run's data: files in folders of its own, from which no step leads to the answers."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from mlebench.agents import AgentSpec
from mlebench.sandbox.base import RunRequest
from mlebench.sandbox.local import data
from mlebench.sandbox.local.data import LaidData
from mlebench.sandbox.local.plain import PlainWalls
from mlebench.sandbox.local.sandbox import LocalSandbox


@pytest.fixture
def public(tmp_path: Path) -> Path:
    folder = tmp_path / "prepared" / "public"
    (folder / "images").mkdir(parents=True)
    (folder.parent / "private").mkdir()
    (folder.parent / "private" / "test.csv").write_text("the answers")
    (folder / "test.csv").write_text("id\n1\n")
    (folder / "images" / "1.png").write_bytes(b"png")
    return folder


@pytest.mark.parametrize("most", [0, 1000], ids=["linked", "copied"])
def test_no_step_leads_from_the_data_to_what_lies_beside_it(
    public: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(data, "MOST_COPIED_FILES", most)
    laid = LaidData(public, tmp_path / "run" / "data", pytest.fail)
    assert laid.is_linked == (most == 0)
    for path in (tmp_path / "run").rglob("*"):
        assert not path.is_symlink()
        assert path.resolve().is_relative_to(tmp_path / "run")
    assert (tmp_path / "run" / "data" / "images" / "1.png").read_bytes() == b"png"
    assert not (tmp_path / "run" / "data" / "images" / ".." / ".." / "private").exists()


def test_small_data_is_the_runs_own(public: Path, tmp_path: Path) -> None:
    laid = LaidData(public, tmp_path / "data", pytest.fail)
    (tmp_path / "data" / "test.csv").write_text("changed")
    assert (public / "test.csv").read_text() == "id\n1\n"
    assert not laid.was_changed()


def test_large_data_is_linked_read_only_and_a_change_is_noticed(
    public: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "MOST_COPIED_BYTES", 1)
    laid = LaidData(public, tmp_path / "data", pytest.fail)
    linked = tmp_path / "data" / "images" / "1.png"
    assert linked.samefile(public / "images" / "1.png") and linked.stat().st_mode & 0o222 == 0
    assert not laid.was_changed()
    linked.chmod(0o644)
    linked.write_bytes(b"changed")
    assert laid.was_changed()


def test_data_that_cannot_be_linked_is_copied_and_said(public: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(data, "MOST_COPIED_FILES", 0)
    monkeypatch.setattr(os, "link", refuse)
    notes: list[str] = []
    LaidData(public, tmp_path / "data", notes.append)
    assert (tmp_path / "data" / "test.csv").read_text() == "id\n1\n"
    assert len(notes) == 1 and "copied for this run" in notes[0]


def test_a_run_that_changed_the_prepared_data_says_so(
    agent: Callable[..., AgentSpec], request_for: Callable[..., RunRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "MOST_COPIED_BYTES", 1)
    script = 'chmod 644 "$DATA_DIR/test.csv"; echo more >> "$DATA_DIR/test.csv"; echo mine > "$DATA_DIR/description.md"'
    request = request_for(agent(script))
    (request.public_dir / "description.md").write_text("prepared")
    handle = LocalSandbox(PlainWalls()).start(request)
    handle.wait(handle.started_at + timedelta(seconds=60))
    log = (request.run_dir / "run.log").read_text()
    assert "the prepared data of toy-a was changed" in log and "mlebench prepare -c toy-a --force" in log
    assert (request.public_dir / "description.md").read_text() == "prepared"
