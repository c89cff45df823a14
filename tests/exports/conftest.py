"""A recorded run for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.runs.group import Group
from tests.exports.recorded import Recording, make_group


@pytest.fixture
def recorded_group(tmp_path: Path) -> Group:
    return make_group(tmp_path / "runs")


@pytest.fixture
def recording(recorded_group: Group) -> Recording:
    return Recording(recorded_group)
