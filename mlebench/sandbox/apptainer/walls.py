"""Walls made by Apptainer: an agent in one of our images, with isolated files, processes and network, as this user."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlebench.agents import AgentSpec, script_problems
from mlebench.errors import MlebenchError, StartFailed
from mlebench.profiles import Profile
from mlebench.sandbox.apptainer import sif
from mlebench.sandbox.apptainer.abilities import Abilities, try_out
from mlebench.sandbox.apptainer.command import Execution, Mounted, Network
from mlebench.sandbox.apptainer.program import Program, find_program
from mlebench.sandbox.base import OUTPUT_FOLDERS, SandboxName
from mlebench.sandbox.local import processes
from mlebench.sandbox.local.walls import Laid, Launch

_log = logging.getLogger("mlebench")
NOTICE = (
    "apptainer sandbox: the agent's files, processes and (unless the profile's network is open) network are isolated; it has "
    "your user id; its memory, processes and disk are watched"
)
_SOCKETS = "/run/mlebench"
_REHEARSAL_SECONDS = 300.0
_known: dict[tuple[Program, Path], Abilities] = {}
_ENTRYPOINT = ["/bin/sh", "/opt/mlebench/entrypoint.sh"]


class ApptainerWalls:
    """Agents in images, run by Apptainer or SingularityCE."""

    name: SandboxName = "apptainer"
    notice = NOTICE
    is_private = True

    def problems(self, agents: list[AgentSpec], profile: Profile) -> list[str]:
        """What prevents these agents from starting here."""
        try:
            program = self._program
        except MlebenchError as error:
            return [str(error)]
        found = []
        for agent in agents:
            fault = sif.problem(agent)
            found += script_problems(agent) or ([] if fault is None else [fault])
        ready = [made for agent in agents if (made := sif.find(agent)) is not None]
        # without an image nothing can be tried; a starting run tries it on its own node
        of_network = _network_problem(program, ready[0].path, profile) if ready else None
        return [*found, *filter(None, (of_network, _open_problem(agents, profile)))]

    def unbuilt(self, agents: list[AgentSpec]) -> list[str]:
        """Ids of the agents without a current SIF file."""
        return [agent.id for agent in agents if sif.find(agent) is None]

    def describe(self, agents: list[AgentSpec]) -> dict[str, Any]:
        """The program and the digest of every agent's image; converts missing ones."""
        made = {agent.id: sif.ensure(self._program, agent, _log.info) for agent in agents}
        abilities = _abilities(self._program, next(iter(made.values())).path) if made else None
        return {
            "engine": self._program.name,
            "version": self._program.version,
            "private_network": None if abilities is None else abilities.private_network,
            "limits": "cgroups" if abilities is not None and abilities.sets_limits else "watched",
            "images": {name: {"name": image.reference, "digest": image.digest} for name, image in made.items()},
        }

    def launch(self, laid: Laid, arguments: Sequence[str], environment: Mapping[str, str]) -> Launch:
        """The agent in its image, behind the image's entrypoint.

        Raises:
            StartFailed: the program, an image or an isolated network is not available here.
        """
        request = laid.request
        try:
            program = self._program
            image = sif.ensure(program, request.agent, _log.info)
        except MlebenchError as error:
            raise StartFailed("image-missing", str(error)) from error
        if ":" in str(laid.home):
            raise StartFailed(
                "start-failed",
                f"Apptainer does not accept paths with a colon: {laid.home}; choose another folder with `--runs-dir`",
            )
        abilities = _abilities(program, image.path)
        network = _network_of(abilities, request.profile)
        execution = Execution(
            image.path,
            [*_first_words(laid, network), f"/home/agent/{request.agent.start}", *arguments],
            network,
            laid.home,
            laid.scratch,
            _mounts(laid, network),
            bool(request.gpu_ids),
            request.profile if abilities.sets_limits else None,
        )
        _rehearse(program, execution)
        mark = {processes.MARK_VARIABLE: processes.mark_of(request.run_dir, request.attempt)}
        gpus = {"CUDA_VISIBLE_DEVICES": ",".join(request.gpu_ids), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
        agents = {**environment, **gpus, **mark}
        return Launch(
            execution.complete(program),
            {**program.environment(agents), **mark},
            image_digest=image.digest,
            is_watched=True,
        )

    @functools.cached_property
    def _program(self) -> Program:
        return find_program()


def _abilities(program: Program, image: Path) -> Abilities:
    found = _known.get((program, image))
    if found is None:
        found = try_out(program, image)
        if found.private_network is not None:
            # failures are not cached: a node may have been short of memory
            _known[program, image] = found
    return found


def _network_problem(program: Program, image: Path, profile: Profile) -> str | None:
    abilities, name = _abilities(program, image), f"{program.name} {program.version}"
    if not abilities.runs:
        return f"{name} cannot run anything here ({abilities.fault}); ask the site for user namespaces"
    if profile.network != "open" and abilities.private_network is None:
        return (
            f"{name} cannot isolate a run's network here ({abilities.fault}), so it would be open instead of "
            f"`{profile.network}`; ask the site to allow `--network none` or user namespaces, or set `--network open`"
        )
    return None


def _network_of(abilities: Abilities, profile: Profile) -> Network:
    if not abilities.runs or (profile.network != "open" and abilities.private_network is None):
        raise StartFailed("start-failed", f"this machine cannot isolate an agent: {abilities.fault}")
    return "shared" if profile.network == "open" or abilities.private_network is None else abilities.private_network


def _rehearse(program: Program, execution: Execution) -> None:
    """Start everything except the agent: a failure then is not the agent's, which could not be determined later.

    Raises:
        StartFailed: it cannot be started.
    """
    answer = program.ask(replace(execution, command=["true"]).words(), _REHEARSAL_SECONDS, execution.before())
    if not answer.is_well:
        raise StartFailed("start-failed", f"{program.name} cannot start the image: {answer.said or 'no message'}")


def _open_problem(agents: list[AgentSpec], profile: Profile) -> str | None:
    """The problem of agents with models on an open network: no port of the machine's network belongs to a run."""
    asking = [agent.id for agent in agents if agent.named_models]
    if profile.network != "open" or not asking:
        return None
    return (
        f"agent {asking[0]} calls models, but `--network open` gives it no isolated network in which to find the gateway; set "
        "`--network models`, and add further hosts with `--allow HOST`"
    )


def _first_words(laid: Laid, network: Network) -> list[str]:
    """The words that run the start script."""
    if network != "shared":
        return _ENTRYPOINT
    # the entrypoint would expose this run's checker at a port of the machine; `validate_submission.sh` uses its socket
    start = laid.home / "agent" / laid.request.agent.start
    return [] if os.access(start, os.X_OK) else ["/bin/sh"]


def _mounts(laid: Laid, network: Network) -> list[Mounted]:
    outputs = [Mounted(laid.outputs / name, f"/home/{name}", is_writable=True) for name in OUTPUT_FOLDERS]
    socket = laid.checker_socket or laid.models_socket
    sockets = [] if socket is None else [Mounted(socket.parent, _SOCKETS)]
    return [*_data(laid), *outputs, *sockets, *([] if network == "shared" else [_hosts(laid)])]


def _hosts(laid: Laid) -> Mounted:
    """The only host names in an isolated network: sites differ in what they mount, and gateway and checker are reached by
    name."""
    hosts = laid.scratch.with_name("hosts")
    hosts.write_text("127.0.0.1 localhost\n::1 localhost\n", encoding="ascii")
    return Mounted(hosts, "/etc/hosts")


def _data(laid: Laid) -> list[Mounted]:
    public = laid.request.public_dir.resolve()
    description = Mounted(laid.description, "/home/data/description.md")
    if (public / "description.md").exists():
        return [Mounted(public, "/home/data"), description]
    # a file cannot be mounted into a read-only folder without a file of that name
    entries = sorted(public.iterdir())
    for entry in entries:
        place = laid.home / "data" / entry.name
        if entry.is_dir():
            place.mkdir(exist_ok=True)
        else:
            place.touch()
    (laid.home / "data" / "description.md").touch()
    shown = [Mounted(entry, f"/home/data/{entry.name}") for entry in entries]
    return [Mounted(laid.home / "data", "/home/data"), *shown, description]
