"""A run group of toy competitions that a scripted agent has really worked on, made once and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlebench
from mlebench.runs import leases
from mlebench.runs.group import Group
from tests.runs.conftest import TOYS, make_toy
from tests.scripted import scripted_agent

SCRIPT = """\
cp "$DATA_DIR/sample_submission.csv" "$SUBMISSION_DIR/submission.csv"
mkdir -p "$CODE_DIR/src"
echo "print('model')" > "$CODE_DIR/src/model.py"
echo "epoch 1" > "$LOGS_DIR/training.log"
echo "scratch" > "$SUBMISSION_DIR/notes.txt"
cp "$DATA_DIR/test.csv" "$CODE_DIR/copied.csv"
echo "at work"
"""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with `competitions`, `data`, `agents/scripted` and `runs/group`: two competitions, two seeds."""
    root = tmp_path_factory.mktemp("toy-group")
    for name in TOYS:
        make_toy(root / "competitions" / name, root / "data" / name)
    agent = scripted_agent(root / "agents" / "scripted", SCRIPT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leases, "MACHINE_FOLDER", root / "machine")
        _set(patch, root)
        mlebench.run(
            agents=str(agent.directory), competitions=TOYS[:2], seeds=2, profile="demo", sandbox="plain", name="group",
            runs_dir=root / "runs",
        )  # fmt: skip
    yield root


@pytest.fixture
def root(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `runs` for one test, which may change it; data, competitions and agent are those of all."""
    shutil.copytree(made / "runs", tmp_path / "runs")
    _set(monkeypatch, made)
    monkeypatch.setenv("MLEBENCH_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def group(root: Path) -> Group:
    """The group in that copy."""
    return Group.open(root / "runs" / "group")


def _set(patch: pytest.MonkeyPatch, root: Path) -> None:
    patch.setenv("MLEBENCH_COMPETITIONS_PATH", str(root / "competitions"))
    patch.setenv("MLEBENCH_DATA_DIR", str(root / "data"))
