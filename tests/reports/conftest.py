"""Toy competitions that the registry finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reports.toys import make_competition


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data directory of two prepared competitions, `toy-one` and `toy-two`."""
    data = tmp_path / "data"
    for name in ("toy-one", "toy-two"):
        make_competition(tmp_path / "competitions", data, name)
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path / "competitions"))
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(data))
    return data
