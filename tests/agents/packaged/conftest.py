"""Prepared competitions, once per process of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.sandbox.docker import images
from tests.agents.packaged.trial import COMPETITIONS
from tests.sandbox.docker.conftest import base_image, client

__all__ = ["base_image", "client"]


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory, base_image: images.Image) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for competition in COMPETITIONS:
        mock = [] if competition.startswith("demo-") else ["--mock"]
        assert main(["prepare", competition, *mock, "--data-dir", str(folder)]) == 0
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/agents/packaged" in item.path.as_posix():
            item.add_marker(pytest.mark.agents)
