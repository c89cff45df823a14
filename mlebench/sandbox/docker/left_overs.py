"""Host folders whose harness was killed before their container existed, or after it was removed."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from typing import Any

from mlebench._support.paths import socket_dir
from mlebench.sandbox.docker.container import FOLDER_LABEL, HostFolder
from mlebench.sandbox.docker.engine import LABEL, failures
from mlebench.sandbox.docker.traits import Traits

_ENGINE = "engine"
"""File in a host folder that identifies its container's engine. One machine may have two."""
_STARTING_SECONDS = 600.0


def mark(folder: HostFolder, traits: Traits) -> None:
    """Record the engine of the folder's container."""
    (folder.path / _ENGINE).write_text(traits.identity, encoding="utf-8")


def sweep(client: Any, traits: Traits) -> None:
    """Remove the host folders that belong to no container of this engine."""
    with contextlib.suppress(*failures()):
        containers = client.api.containers(all=True, filters={"label": LABEL})
        used = {(entry.get("Labels") or {}).get(FOLDER_LABEL) for entry in containers}
        for folder in socket_dir().iterdir():
            if not re.fullmatch("[0-9a-f]{12}", folder.name) or str(folder) in used:
                continue
            # a container may be about to be created with it
            is_old = time.time() - folder.lstat().st_mtime > _STARTING_SECONDS
            if is_old and (mark := folder / _ENGINE).is_file() and mark.read_text(encoding="utf-8") == traits.identity:
                shutil.rmtree(folder, ignore_errors=True)
