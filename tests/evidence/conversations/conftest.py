"""A recorded run for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.exports.recorded import Recording, make_group


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(make_group(tmp_path / "runs"))
