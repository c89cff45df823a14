"""A recorded run for each test, and `docker compose`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlebench.runs.group import Group
from tests.exports.compose import engine
from tests.exports.recorded import Recording, make_group

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and "compose_path" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.docker)
            item.add_marker(pytest.mark.xdist_group("docker"))


@pytest.fixture(scope="session")
def compose_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH whose `docker compose` other tools take."""
    missing = engine.missing()
    if missing is not None and os.environ.get("MLEBENCH_REQUIRE_COMPOSE") == "1":
        pytest.fail(f"MLEBENCH_REQUIRE_COMPOSE is set and {missing}")
    if missing is not None:
        pytest.skip(missing)
    return engine.search_path(tmp_path_factory.mktemp("docker") / "bin")


@pytest.fixture
def recorded_group(tmp_path: Path) -> Group:
    return make_group(tmp_path / "runs")


@pytest.fixture
def recording(recorded_group: Group) -> Recording:
    return Recording(recorded_group)
