"""The barrier between an agent's processes and their machine: nothing, bubblewrap or Apptainer.

With all kinds of walls, a run is laid out in the same folder and supervised by the same keeper and leader (see `leader`), which
start the agent's command as wrapped by the walls. So, within any of them, an attempt outlives its harness, is found again by its
mark and is ended together with everything that it started.
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
    """A run laid out and about to start."""

    request: RunRequest
    home: Path
    """The folder that becomes the agent's home: `agent/`, `.lib/`, `instructions.txt`, `validate_submission.sh`, `data/` and the
    output folders. If the walls are private, the latter are empty mount points."""
    outputs: Path
    """The folder of `submission/`, `logs/` and `code/`, which the agent writes."""
    scratch: Path
    """A folder for `/tmp`, if the walls are private."""
    description: Path
    """The text for the agent's `data/description.md`."""
    checker_socket: Path | None
    """Socket of the submission checker; None for a run without a checker. If the walls are private, it is `checker.sock` in a
    separate folder, to be mounted as a whole: a returning harness creates the socket anew."""
    models_socket: Path | None
    """Socket of the model gateway, `models.sock` next to the checker's; None for a run without a gateway."""
    fault: Path
    """A file, not there yet and out of the agent's sight, for the reason why walls ended before the agent started."""


@dataclass(frozen=True)
class Launch:
    """A command that starts an agent within its walls."""

    command: Sequence[str]
    """Arguments; the first one is an absolute path."""
    environment: Mapping[str, str]
    """The command's whole environment. It may contain the agent's secrets, unlike `command`, which every user of the machine can
    read."""
    inputs: Sequence[bytes] = ()
    """Inputs of the command at descriptors 3, 4, …: long or private arguments, a system call filter."""
    outlasts_signals: bool = False
    """Whether the command starts with SIGTERM ignored: the process behind the walls must not exit before the agent within,
    whoever signals it. The harness itself does not signal walls, but a queue signals every process at the end of a job."""
    image_digest: str | None = None
    """Digest of the agent's image, `sha256:…`; None for walls without images."""
    is_watched: bool = False
    """Whether the keeper enforces the profile's limits on memory, processes and disk by watching, as nothing else does."""


class Walls(Protocol):
    """One kind of walls."""

    name: SandboxName

    @property
    def notice(self) -> str:
        """A sentence for the run's log on what they isolate and what they do not."""
        ...

    is_private: bool
    """Whether the agent has a separate loopback device, file system and processes, so that it finds the checker at port 5000 and
    the gateway at port 5001 of `localhost`, and its folders below `/home`, as in a Docker container."""

    def problems(self, agents: list[AgentSpec], profile: Profile) -> list[str]:
        """What prevents these agents from starting here, one sentence each with the command that fixes it."""
        ...

    def unbuilt(self, agents: list[AgentSpec]) -> list[str]:
        """Ids of the agents whose image is missing or outdated."""
        ...

    def describe(self, agents: list[AgentSpec]) -> dict[str, Any]:
        """What the group's manifest records, as in `Sandbox.describe`, and what they isolate."""
        ...

    def launch(self, laid: Laid, arguments: Sequence[str], environment: Mapping[str, str]) -> Launch:
        """The command that starts the agent.

        Args:
            laid: the run.
            arguments: arguments of the agent's start script, `home/agent/<request.agent.start>`.
            environment: the variables that every sandbox sets for the agent, with the paths that it sees, and its own.

        Raises:
            StartFailed: the walls cannot be set up.
        """
        ...


def problems_without_images(agents: list[AgentSpec]) -> list[str]:
    """What prevents agents from starting within walls that use this machine's own programs."""
    found = []
    for agent in agents:
        if agent.needs_image:
            found.append(f"agent {agent.id} needs an image; run it with `--sandbox docker`")
        found += script_problems(agent)
    return found
