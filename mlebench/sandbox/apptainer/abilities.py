"""What Apptainer can do for ordinary users of this machine: sites differ, which only a trial shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from mlebench.profiles import Profile
from mlebench.sandbox.apptainer.command import Execution, Network
from mlebench.sandbox.apptainer.program import Answer, Program

_SECONDS = 180.0
_LOOK = """
import json, socket
devices = [line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line]
try:
    listening = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(listening.getsockname(), 5).close()
    works = True
except OSError:
    works = False
print(json.dumps({"devices": devices, "loopback": works}))
"""
"""Prints the network devices, and whether the loopback device works."""
_TRIED = Profile(name="tried", cpus=1, memory=512 * 2**20, pids=256, time_limit=60)


@dataclass(frozen=True)
class Abilities:
    """Results of a trial with an image."""

    private_network: Network | None
    """How a run gets an isolated network; None if it cannot."""
    sets_limits: bool
    """Whether cgroups enforce memory, processes and CPUs; otherwise the keeper watches them."""
    fault: str
    """The error if there is no such network, or nothing runs at all."""
    runs: bool = True
    """Whether anything runs at all."""


def try_out(program: Program, image: Path) -> Abilities:
    """Run a short command in an image, in each way that a run could use."""
    faults = []
    for network in ("option", "namespace"):
        answer = _ask(program, Execution(image, ["python3", "-I", "-c", _LOOK], network, folder="/"))
        if (fault := _fault_of(answer)) is None:
            return Abilities(network, _sets_limits(program, image, network), "")
        faults.append(fault)
    shared = _ask(program, Execution(image, ["true"], "shared", folder="/"))
    runs = shared.is_well
    return Abilities(None, runs and _sets_limits(program, image, "shared"), "; ".join(faults) if runs else shared.said, runs)


def _ask(program: Program, execution: Execution) -> Answer:
    return program.ask(execution.words(), _SECONDS, execution.before())


def _fault_of(answer: Answer) -> str | None:
    """Why a network is not isolated; None if it is."""
    if not answer.is_well:
        return answer.said or "it failed without a message"
    try:
        found = json.loads(answer.output.strip().splitlines()[-1])
        devices, works = [str(name) for name in found["devices"]], found["loopback"] is True
    except (ValueError, KeyError, TypeError, IndexError):
        return "it printed no answer"
    # tunnel devices that some kernels create in every network lead nowhere
    others = [name for name in devices if name != "lo" and not name.startswith(("tunl", "sit", "gre", "erspan", "ip6", "ip_vti"))]
    if others:
        return f"it left the device {others[0][:20]!r}"
    return None if works else "its loopback device is down"


def _sets_limits(program: Program, image: Path, network: Network) -> bool:
    return _ask(program, Execution(image, ["true"], network, folder="/", limits=_TRIED)).is_well
