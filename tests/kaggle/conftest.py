"""A Kaggle on this machine, and downloads for it."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from mlebench._support.paths import content_dir
from mlebench.kaggle import patience
from mlebench.preparation import make_mock
from mlebench.registry import Registry
from tests.kaggle.loopback import Contest, LoopbackKaggle, zipped

TABLE = "spaceship-titanic"
IMAGES = "ranzcr-clip-catheter-line-classification"
WHALES = "the-icml-2013-whale-challenge-right-whale-redux"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/kaggle" in item.path.as_posix():
            # one server at a time has the client's port
            item.add_marker(pytest.mark.xdist_group("kaggle"))


@pytest.fixture
def kaggle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackKaggle]:
    """A Kaggle with three competitions, whose credentials stand in the environment, and a home folder without any."""
    home = tmp_path / "home"
    home.mkdir()
    for name in [name for name in os.environ if name.startswith("KAGGLE_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    # a test whose server hangs says how long that is waited for; no other asks twice because the machine is slow
    monkeypatch.setenv("MLEBENCH_KAGGLE_TIMEOUT", "120")
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.05)
    with LoopbackKaggle() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        for name in (TABLE, IMAGES, WHALES):
            server.contests[name] = Contest(archive=mock_zip(name))
        yield server


@functools.cache
def mock_zip(name: str, size: int = 60) -> bytes:
    """The zip of a mock."""
    with tempfile.TemporaryDirectory() as folder:
        make_mock(Registry().get_competition(name), Path(folder), size=size, seed=0)
        return zipped(Path(folder))


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kaggle: LoopbackKaggle) -> Callable[..., str]:
    """Add a competition whose published md5 is that of its zip on this Kaggle, as nobody has the real ones here."""

    def add(name: str = "our-titanic", archive: bytes | None = None, md5: str | None = None) -> str:
        content = mock_zip(TABLE) if archive is None else archive
        folder = tmp_path / "competitions" / name
        shutil.copytree(content_dir("competitions") / TABLE, folder)
        facts = yaml.safe_load((folder / "competition.yaml").read_text())
        facts |= {"id": name, "md5": {"zip": md5 or hashlib.md5(content).hexdigest()}, "counts": {}}
        (folder / "competition.yaml").write_text(yaml.safe_dump(facts))
        monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path / "competitions"))
        kaggle.contests[name] = Contest(archive=content)
        return name

    return add


def start_mlebench(*words: str) -> subprocess.Popen[str]:
    """`mlebench` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "mlebench.cli.main", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
