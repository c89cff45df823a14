"""Inspect in this process: its engine, its caches and the data."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.registry import Competition
from tests.cases import Cases


@pytest.fixture
def wine(cases: Cases) -> Competition:
    """Real data that needs no account."""
    return cases.prepared("demo-wine", "v1")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def inspect_ready(compose_path: str, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inspect finds an engine, and the base image is current."""
    from mlebench.sandbox.docker import engine, images

    monkeypatch.setenv("PATH", compose_path)
    client = engine.connect()
    images.ensure(client, images.base_recipe("light", client=client), print)
