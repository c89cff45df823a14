"""Folders on the host that nobody comes back for are removed by the next harness."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mlebench.sandbox.docker import left_overs
from mlebench.sandbox.docker.container import FOLDER_LABEL, HostFolder
from mlebench.sandbox.docker.traits import Traits


class Engine:
    """What is asked of an engine here; itself the low-level client."""

    def __init__(self, *used: Path) -> None:
        self.api, self._used = self, used

    def containers(self, **_: Any) -> list[dict[str, Any]]:
        return [{"Labels": {FOLDER_LABEL: str(path)}} for path in self._used]


def test_folders_of_this_engine_without_a_container_go_when_they_are_old(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(left_overs, "socket_dir", lambda: tmp_path)
    folders = {}
    for number, name in enumerate(("dead", "used", "fresh", "of another engine", "unmarked")):
        folders[name] = HostFolder(tmp_path / f"{number:012x}")
        folders[name].open()
        if name != "unmarked":
            left_overs.mark(folders[name], Traits(identity="b" if name == "of another engine" else "a"))
        if name != "fresh":
            os.utime(folders[name].path, (1, 1))
    (tmp_path / "0123456789abcdef0123.sock").touch()
    left_overs.sweep(Engine(folders["used"].path), Traits(identity="a"))
    assert [name for name, folder in folders.items() if not folder.path.exists()] == ["dead"]
    assert (tmp_path / "0123456789abcdef0123.sock").exists()
