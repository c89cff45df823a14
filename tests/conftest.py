"""Shared parts of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from mlebench.registry import Registry
from tests.cases import Cases

# a busy machine is slow, and no fault of what is tested
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


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
