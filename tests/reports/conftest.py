"""Toy competitions that the registry finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reports.toys import install


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data directory of two prepared competitions, `toy-one` and `toy-two`."""
    return install(tmp_path, monkeypatch)
