"""Exported tasks, and Harbor where it is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlebench.cli.main import main
from tests.sandbox.docker.conftest import base_image, client

__all__ = ["base_image", "client"]
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Exported:
    """The folder of an export, by `mlebench export harbor`."""

    folder: Path

    def export(self, *words: str) -> Exported:
        assert main(["export", "harbor", *words, "-o", str(self.folder)]) == 0
        return self

    @property
    def tasks(self) -> list[Path]:
        return sorted(path.parent for path in self.folder.glob("*/task.toml"))

    def config(self, task: str) -> dict[str, Any]:
        return tomllib.loads((self.folder / task / "task.toml").read_text())

    def files(self, task: str) -> dict[str, bytes]:
        folder = self.folder / task
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def text(self, path: str) -> str:
        return (self.folder / path).read_text()


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Exported:
    """An export to be made, of a data directory in which nothing is prepared."""
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
    return Exported(tmp_path / "tasks")


@dataclass(frozen=True)
class Harbor:
    """Harbor's own program."""

    program: Path
    environment: Mapping[str, str]

    def call(self, *words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, *map(str, words)],
            env=dict(self.environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def findings(self, tasks: Iterable[Path]) -> list[dict[str, Any]]:
        """What it finds wrong, by all of its rules."""
        done = self.call("lint", *tasks, "--json", "--select", "ALL")
        assert done.returncode in (0, 1), done.stderr
        return list(json.loads(done.stdout))


@pytest.fixture(scope="session")
def harbor(compose_path: str, tmp_path_factory: pytest.TempPathFactory) -> Harbor:
    python = os.environ.get("MLEBENCH_HARBOR_PYTHON")
    if python is None and os.environ.get("MLEBENCH_REQUIRE_HARBOR") == "1":
        pytest.fail("MLEBENCH_REQUIRE_HARBOR is set and MLEBENCH_HARBOR_PYTHON is not")
    if python is None:
        pytest.skip("MLEBENCH_HARBOR_PYTHON is not set")
    # without buildx, engines build with what they have
    environment = {**os.environ, "PATH": compose_path, "DOCKER_BUILDKIT": "0", "HARBOR_TELEMETRY": "0"}
    environment["HARBOR_CACHE_DIR"] = str(tmp_path_factory.mktemp("harbor"))
    return Harbor(Path(python).parent / "harbor", environment)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout as a wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    words = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [made] = folder.glob("mlebench-*.whl")
    return made
