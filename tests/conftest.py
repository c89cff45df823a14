"""Shared parts of the tests."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mlebench.registry import Registry
from tests.cases import Cases
from tests.nvidia import Driver

# a busy machine is slow, and no fault of what is tested; examples are drawn anew by `--hypothesis-profile=default`
settings.register_profile("suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _no_terminal_size() -> Iterator[None]:
    """Importing `readline`, as pytest does, sets these variables; a command that a user starts has none of them from there."""
    # not the test's own `monkeypatch`, which ends before the fixtures that the test asks for ahead of it
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COLUMNS", raising=False)
        patch.delenv("LINES", raising=False)
        yield


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def registry(data_dir: Path) -> Registry:
    return Registry(data_dir)


@pytest.fixture(scope="session")
def cases(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Cases:
    """Mocks and prepared data that the whole run of the suite shares."""
    own = tmp_path_factory.getbasetemp()
    # under xdist each process has a folder within the run's
    return Cases((own.parent if hasattr(pytestconfig, "workerinput") else own) / "cases")


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    """A driver of GPUs of this test's own, and of its processes'."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="m") as temporary:
        monkeypatch.setattr(tempfile, "tempdir", temporary)
        monkeypatch.setenv("TMPDIR", temporary)
        monkeypatch.delenv("SLURM_JOB_ID", raising=False)
        monkeypatch.setenv("PATH", f"{tmp_path}/driver{os.pathsep}{os.environ['PATH']}")
        yield Driver(tmp_path / "driver", Path(temporary))
