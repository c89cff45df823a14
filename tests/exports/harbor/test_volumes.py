"""The script beside the tasks makes volumes out of folders, and finds its way to another data directory."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlebench.cli.main import main
from tests.exports.harbor.conftest import Exported

WINE = "demo-wine"
VOLUMES = ["mlebench-demo-wine-v2", "mlebench-demo-wine-v2-public"]


@pytest.fixture
def made(exported: Exported, compose_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exported]:
    """Tasks and their volumes."""
    assert main(["prepare", WINE, "--edition", "v2", "--quiet"]) == 0
    exported.export(WINE, "--edition", "v2")
    # the script goes by what the tasks say, not by the variables of whoever exported them
    monkeypatch.delenv("MLEBENCH_DATA_DIR")
    data = tmp_path / "data" / WINE
    assert script(exported) == [f"{VOLUMES[0]} is {data}", f"{VOLUMES[1]} is {data}/prepared-v2/public"]
    yield exported
    script(exported, "remove")


def script(exported: Exported, *words: str, **variables: str) -> list[str]:
    """What the script says."""
    call = ["sh", str(exported.folder / "mlebench-volumes.sh"), *words]
    done = subprocess.run(call, env={**os.environ, **variables}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def devices() -> list[str]:
    """The folders that the volumes stand for, as far as they are there."""
    words = ["docker", "volume", "inspect", "--format", "{{ .Options.device }}", *VOLUMES]
    return subprocess.run(words, capture_output=True, text=True).stdout.split()


def test_they_stand_for_the_data(made: Exported, tmp_path: Path) -> None:
    assert devices() == [f"{tmp_path}/data/{WINE}", f"{tmp_path}/data/{WINE}/prepared-v2/public"]
    assert script(made) == []


def test_they_follow_the_data_to_another_place(made: Exported, tmp_path: Path) -> None:
    shutil.move(tmp_path / "data", tmp_path / "moved data")
    assert len(script(made, MLEBENCH_DATA_DIR=f"{tmp_path}/moved data")) == 2
    assert devices()[0].startswith(f"{tmp_path}/moved")


def test_they_go_and_the_data_stays(made: Exported, tmp_path: Path) -> None:
    assert script(made, "remove") == [] and devices() == []
    assert (tmp_path / "data" / WINE / "prepared-v2" / "private").is_dir()
