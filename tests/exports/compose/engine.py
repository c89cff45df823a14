"""A `docker` that other tools find new enough.

Inspect refuses engines before 25, whose read-only mounts may hold writable ones. Debian 12 has 20.10, which does all the rest of
what is asked of it here, so on such a machine a small program stands before `docker` and answers that one question.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

OLDEST = 25
AS_NEW = {
    "ServerVersion": f"{OLDEST}.0.5",
    "KernelVersion": "6.1.0",
    "DefaultRuntime": "runc",
    "Runtimes": {"runc": {"status": {"org.opencontainers.runtime-spec.features": json.dumps({"mountOptions": ["rro"]})}}},
}
PROGRAM = """#!/bin/sh
case "$*" in
    "version --format json") echo {version} ;;
    "info --format {{{{json .}}}}") echo {info} ;;
    *) exec {docker} "$@" ;;
esac
"""


def missing() -> str | None:
    """Why nothing can run in `docker compose` here; none if it can."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    if not _engine_version():
        return "no container engine answers"
    return None if _ask("compose", "version", "--short") else "docker compose is not installed"


def search_path(folder: Path) -> str:
    """A PATH whose `docker` is new enough; `folder` may be filled with a program."""
    docker = shutil.which("docker")
    assert docker is not None
    if int(_engine_version().split(".")[0]) >= OLDEST:
        return os.environ["PATH"]
    folder.mkdir(parents=True)
    version = json.dumps({"Server": {"Version": AS_NEW["ServerVersion"]}})
    quoted = {"version": version, "info": json.dumps(AS_NEW), "docker": docker}
    program = folder / "docker"
    program.write_text(PROGRAM.format(**{name: shlex.quote(value) for name, value in quoted.items()}))
    program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def _engine_version() -> str:
    return _ask("version", "--format", "{{.Server.Version}}")


def _ask(*arguments: str) -> str:
    """What `docker` answers; nothing if it fails."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=120)
    return done.stdout.strip() if done.returncode == 0 else ""
