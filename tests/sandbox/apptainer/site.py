"""A site that has Apptainer, or what stands in for it: see `stand_in/apptainer`."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STAND_IN = Path(__file__).parent / "stand_in" / "apptainer"


@dataclass
class Site:
    """What the stand-in on the path obeys, and what it was asked."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, unpacked: Path, name: str = "apptainer", **settings: Any) -> Site:
        """Put it into a folder; `unpacked` is where it unpacks images, `settings` those that differ."""
        folder.mkdir(parents=True, exist_ok=True)
        program = folder / name
        # by this interpreter, whatever the path holds
        program.write_text(f"#!{sys.executable} -IS\n" + STAND_IN.read_text(encoding="utf-8"), encoding="utf-8")
        program.chmod(0o755)
        site = cls(folder)
        site.settings = {
            "calls": str(folder / "calls"),
            "unpacked": str(unpacked),
            "version": "apptainer version 1.3.4-1.el9",
            "network_none": True,
            "user_namespaces": True,
            "cgroups": False,
            "bind_paths": [],
            **settings,
        }
        return site

    @property
    def settings(self) -> dict[str, Any]:
        """What the site allows, and where the stand-in keeps things."""
        return dict(json.loads((self.folder / "site.json").read_text()))

    @settings.setter
    def settings(self, content: dict[str, Any]) -> None:
        (self.folder / "site.json").write_text(json.dumps(content))

    def change(self, **settings: Any) -> None:
        """Let the site be another."""
        self.settings = self.settings | settings

    def calls(self, verb: str) -> list[dict[str, Any]]:
        """What was asked, as `words` and `environment`, the oldest first."""
        calls = self.folder / "calls"
        found = [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []
        return [call for call in found if call["words"][0] == verb]

    def remove(self) -> None:
        """Take it off the path."""
        shutil.rmtree(self.folder)
