"""The stand-in passes everything on to the real engine, but for the question how new it is."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.exports.compose.engine import OLDEST


def docker(path: str, *arguments: str, cwd: Path | None = None) -> str:
    done = subprocess.run(["docker", *arguments], env={**os.environ, "PATH": path}, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_engine_is_new_enough(compose_path: str) -> None:
    version = json.loads(docker(compose_path, "version", "--format", "json"))["Server"]["Version"]
    info = json.loads(docker(compose_path, "info", "--format", "{{json .}}"))
    assert int(version.split(".")[0]) >= OLDEST <= int(info["ServerVersion"].split(".")[0])


def test_the_rest_is_done_by_the_engine(compose_path: str, tmp_path: Path) -> None:
    assert docker(compose_path, "compose", "version", "--short").startswith("2.")
    (tmp_path / "compose.yaml").write_text("services:\n  default:\n    image: ${IMAGE}\n    network_mode: none\n")
    (tmp_path / ".env").write_text("IMAGE='a b'\n")
    assert "image: a b" in docker(compose_path, "compose", "config", cwd=tmp_path)
