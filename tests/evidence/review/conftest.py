"""Scripted runs for the tests of rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evidence.review.scripted_runs import Scripts


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scripts:
    """Makes groups of scripted runs in a folder of the test."""
    return Scripts(tmp_path, monkeypatch)
