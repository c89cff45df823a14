"""What stands between an agent and the machine whose processes it is made of: nothing, bubblewrap, Apptainer.

Whatever the walls are, a run is laid out in the same folder and held by the same keeper and leader (see `leader`), which start
the command that the walls make of the agent's. So an attempt outlives its harness, is found again by its mark and is ended with
everything that it started, in the same way within all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mlebench.agents import AgentSpec, script_problems
from mlebench.profiles import Profile
from mlebench.sandbox.base import RunRequest, SandboxName


@dataclass(frozen=True)
class Laid:
    """A run that is laid out and about to start."""

    request: RunRequest
    home: Path
    """The folder that becomes the agent's home: `agent/`, `.lib/`, `instructions.txt`, `validate_submission.sh`, `data/` and the
    output folders. Where the walls are private, the latter are empty: places for what is to be seen there."""
    outputs: Path
    """The folder that holds `submission/`, `logs/` and `code/`, which the agent writes."""
    scratch: Path
    """A folder for `/tmp`, where the walls are private."""
    description: Path
    """The text that the agent finds as `data/description.md`."""
    checker_socket: Path | None
    """Where the harness answers the checker's questions; None for a run that has no checker. Where the walls are private it is
    `checker.sock` in a folder of the run's own, to be shown as a whole: a harness that comes back makes the socket anew."""
    models_socket: Path | None
    """Where the harness serves the gateway to models, `models.sock` beside the checker's; None for a run that has none."""


@dataclass(frozen=True)
class Launch:
    """A command that starts an agent within its walls."""

    command: Sequence[str]
    """Words; the first one is an absolute path."""
    environment: Mapping[str, str]
    """The whole environment of the command. Secrets of the agent may be in it, and never in `command`, which every user of the
    machine can read."""
    inputs: Sequence[bytes] = ()
    """What the command reads from its descriptors 3, 4, …: long or private words, a filter of system calls."""
    outlasts_signals: bool = False
    """Whether the command starts with SIGTERM ignored: what holds the walls up is not to leave before the agent within has,
    whoever asks. The harness itself asks no wall, but a queue asks every process at the end of a job."""
    image_digest: str | None = None
    """What the agent's image is made of, `sha256:…`; None for walls without images."""
    is_watched: bool = False
    """Whether the keeper holds memory, processes and disk to the profile's limits by looking at them, as nothing else does."""


class Walls(Protocol):
    """One kind of walls."""

    name: SandboxName

    @property
    def notice(self) -> str:
        """A sentence for the run's log: what they isolate, and what they do not."""
        ...

    is_private: bool
    """Whether the agent has a loopback device, a file system and processes of its own, and so finds the checker at port 5000 and
    the gateway at port 5001 of `localhost`, and its folders below `/home`, as in a container of Docker."""

    def problems(self, agents: list[AgentSpec], profile: Profile) -> list[str]:
        """What would keep these agents from starting here, a sentence each with the command that fixes it."""
        ...

    def unbuilt(self, agents: list[AgentSpec]) -> list[str]:
        """Ids of the agents whose image is missing or outdated."""
        ...

    def describe(self, agents: list[AgentSpec]) -> dict[str, Any]:
        """What the group's manifest records: see `Sandbox.describe`; also what they isolate."""
        ...

    def launch(self, laid: Laid, arguments: Sequence[str], environment: Mapping[str, str]) -> Launch:
        """The command that starts the agent.

        Args:
            laid: the run.
            arguments: those of the agent's start script, `home/agent/<request.agent.start>`.
            environment: the variables that every sandbox sets for the agent, by the paths that it sees, and its own.

        Raises:
            StartFailed: the walls cannot be put up.
        """
        ...


def problems_without_images(agents: list[AgentSpec]) -> list[str]:
    """What keeps agents from starting within walls that show this machine's own programs."""
    found = []
    for agent in agents:
        if agent.needs_image:
            found.append(f"agent {agent.id} needs an image; run it with `--sandbox docker`")
        found += script_problems(agent)
    return found
