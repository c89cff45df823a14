"""Shared parts of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.registry import Registry


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def registry(data_dir: Path) -> Registry:
    return Registry(data_dir)
