"""No walls: the agent is an ordinary process of this user. Nothing is isolated."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlebench.agents import AgentSpec
from mlebench.profiles import Profile
from mlebench.sandbox.base import SandboxName
from mlebench.sandbox.local import processes
from mlebench.sandbox.local.inherited import inherited
from mlebench.sandbox.local.walls import Laid, Launch, problems_without_images

NOTICE = "plain sandbox: no isolation; the agent runs as you, sees your files and can use the network"


class PlainWalls:
    """Nothing separates the agent from the machine; for development, and where nothing better works."""

    name: SandboxName = "plain"
    notice = NOTICE
    is_private = False

    def problems(self, agents: list[AgentSpec], profile: Profile) -> list[str]:
        """What prevents these agents from starting here."""
        return problems_without_images(agents)

    def unbuilt(self, agents: list[AgentSpec]) -> list[str]:
        """Nothing is built."""
        return []

    def describe(self, agents: list[AgentSpec]) -> dict[str, Any]:
        """The interpreter available to agents as `python`."""
        return {"engine": "plain", "version": None, "python": sys.version.split()[0], "images": {}}

    def launch(self, laid: Laid, arguments: Sequence[str], environment: Mapping[str, str]) -> Launch:
        """The start script itself, through the shell if it has no interpreter line."""
        start = laid.home / "agent" / laid.request.agent.start
        shell = [] if os.access(start, os.X_OK) else ["/bin/sh"]
        return Launch([*shell, str(start), *arguments], self._environment(laid, environment))

    def _environment(self, laid: Laid, environment: Mapping[str, str]) -> dict[str, str]:
        request, known = laid.request, inherited()
        return {
            **known,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), known.get("PATH", os.defpath)]),
            "HOME": str(laid.home),
            # only `mlebench_agent`, as in a container
            "PYTHONPATH": str(laid.home / ".lib"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            **environment,
            "CUDA_VISIBLE_DEVICES": ",".join(request.gpu_ids),
            # indices follow nvidia-smi; CUDA's own order begins with the fastest
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
            processes.MARK_VARIABLE: processes.mark_of(request.run_dir, request.attempt),
        }
