"""The docker sandbox: every run in a separate container, limited, and isolated from the host and other runs.

The container carries the run's label and everything needed to find its other parts, so a run does not depend on this process: a
later harness attaches to what it finds.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from grading.wording import counted
from mlebench._support.hints import alternatives, command
from mlebench._support.machine import usable_cores
from mlebench._support.quantities import show_size
from mlebench._support.secrets import Mask
from mlebench.agents import AgentSpec, script_problems
from mlebench.errors import EngineUnreachable, MlebenchError, StartFailed, UsageError, WorkFailed
from mlebench.profiles import Profile
from mlebench.sandbox.base import RunRequest, SandboxName
from mlebench.sandbox.docker import container, engine, image_archives, images, left_overs, network, traits
from mlebench.sandbox.docker.container import FOLDER_LABEL, LOG_LABEL, RUN_LABEL, HostFolder
from mlebench.sandbox.docker.handle import DockerHandle
from mlebench.sandbox.docker.inventory import Inventory
from mlebench.sandbox.docker.listing import agent_image
from mlebench.sandbox.docker.traits import Traits
from mlebench.sandbox.run_gateway import CONTAINER_URL, Endpoint, new_token
from mlebench.sandbox.run_log import RunLog

_log = logging.getLogger("mlebench")


class DockerSandbox:
    """Runs agents in containers of a Docker-compatible engine."""

    name: SandboxName = "docker"

    def problems(self, agents: list[AgentSpec], profile: Profile) -> list[str]:
        """What prevents these agents from starting here. Images may be missing: `describe` and `start` build them."""
        try:
            client = self._client
            found = [*_not_enforced(self._traits, profile), *_shortages(client.info(), profile)]
        except MlebenchError as error:
            return [str(error)]
        for agent in agents:
            if faults := script_problems(agent):
                found += faults
                continue
            try:
                images.agent_recipe(agent, images.base_recipe(agent.package_set, client=client))
            except MlebenchError as error:
                found.append(str(error))
        return found

    def unbuilt(self, agents: list[AgentSpec]) -> list[str]:
        """Ids of the agents whose image is missing or outdated.

        What prevents building one, including an unreachable engine, is among the `problems`.
        """
        try:
            inventory = Inventory.take(self._client)
        except MlebenchError:
            return []
        return [agent.id for agent in agents if agent_image(inventory, agent).state in ("outdated", "missing")]

    def describe(self, agents: list[AgentSpec]) -> dict[str, Any]:
        """The engine and the digest of every agent's image; builds missing or outdated ones."""
        return {
            **traits.describe(self._client, self._traits),
            "images": {agent.id: {"name": (image := self._image(agent)).reference, "digest": image.id} for agent in agents},
        }

    def ship(self, agents: list[AgentSpec], folder: Path) -> dict[str, dict[str, str]]:
        """Write the agents' images and their bases as archives."""
        try:
            archives = {agent.id: image_archives.export_agent(self._client, agent, folder, _log.info) for agent in agents}
        except EngineUnreachable:
            # the head of a cluster may have no engine but archives from a machine that had one
            archives = {agent.id: found for agent in agents if (found := image_archives.find_agent(agent, folder)) is not None}
            if len(archives) < len(agents):
                raise
        return {name: {"name": archive.reference, "digest": archive.id} for name, archive in archives.items()}

    def cores(self) -> frozenset[int]:
        """The cores that this process may use, if the engine runs on the same machine and can bind containers to them."""
        # `start` reports what is wrong with an engine that does not answer
        with contextlib.suppress(MlebenchError, *engine.failures()):
            if engine.shares_cores(self._client):
                return usable_cores()
        return frozenset()

    def start(self, request: RunRequest) -> DockerHandle:
        """Create the container, copy the agent into it, start it and return.

        Raises:
            StartFailed: it could not be started; nothing is left behind.
        """
        from docker.errors import NotFound

        try:
            image = self._image_of(request)
        except engine.failures() as error:
            raise _start_failed(error, request, self._traits) from error
        except StartFailed:
            raise
        except MlebenchError as error:
            reason = "engine-unreachable" if isinstance(error, EngineUnreachable) else "image-missing"
            raise StartFailed(reason, str(error)) from error
        # the plan may have been made with another engine
        if unlimited := _not_enforced(self._traits, request.profile):
            raise StartFailed("not-ready", unlimited[0])
        try:
            container.check_readable(request.public_dir)
            self._check_gpus(request)
            self._remove_earlier(request)
            try:
                return self._start_on_cores(request, image)
            except NotFound:
                # something it depends on was removed in between, such as the network by `docker network prune`
                return self._start_on_cores(request, self._image_of(request))
        except engine.failures() as error:
            raise _start_failed(error, request, self._traits) from error
        except UsageError as error:
            raise StartFailed("start-failed", str(error)) from error

    def attach(self, request: RunRequest) -> DockerHandle | None:
        """The container of this attempt, running or ended; one that never started is removed."""
        for candidate in self._containers_of(request):
            if candidate.labels[engine.LABEL] != request.label:
                continue
            if candidate.status == "created":
                _discard(candidate)
                continue
            folder = HostFolder(Path(candidate.labels[FOLDER_LABEL]))
            log = RunLog(request.run_dir / "run.log", request.secrets)
            log.rewind(int(candidate.labels[LOG_LABEL]))
            log.note("the harness is back and resumes with this container")
            handle = DockerHandle(self._client, candidate, request, folder, log, self._traits)
            handle.resume()
            return handle
        return None

    def end_left(self, run_dir: Path, attempt: int) -> bool:
        """Remove the containers of an abandoned attempt."""
        found = False
        with contextlib.suppress(MlebenchError, *engine.failures()):
            for candidate in self._containers_in(run_dir):
                if candidate.labels[engine.LABEL].endswith(f".{attempt}"):
                    _discard(candidate)
                    found = True
        return found

    @property
    def _client(self) -> Any:
        return self._connected[0]

    @property
    def _traits(self) -> Traits:
        return self._connected[1]

    @cached_property
    def _connected(self) -> tuple[Any, Traits]:
        client = engine.connect()
        found = Traits.of(client)
        left_overs.sweep(client, found)
        return client, found

    def _image_of(self, request: RunRequest) -> images.Image:
        """The agent's image: built here if needed, or as shipped.

        Raises:
            StartFailed: the archive of the shipped image is missing or does not match its record.
        """
        shipped = request.shipped
        if shipped is None:
            return self._image(request.agent)
        archive = image_archives.find(shipped.folder, shipped.name, shipped.id)
        if archive is None:
            raise StartFailed(
                "image-missing",
                f"{shipped.folder} holds no archive of {shipped.name} ({shipped.id[:19]}) that this machine can see; mount the "
                "folder here, or `--resume` the group, which writes what is missing",
            )
        try:
            return image_archives.load(self._client, archive, _log.info)
        except WorkFailed as error:
            raise StartFailed("image-differs", str(error)) from error

    def _image(self, agent: AgentSpec) -> images.Image:
        return images.ensure_agent_image(self._client, agent, _log.info)

    def _start_on_cores(self, request: RunRequest, image: images.Image) -> DockerHandle:
        """Start the container, without dedicated cores if the engine refuses them."""
        try:
            return self._start(request, image)
        except engine.failures() as error:
            if not request.cpu_ids or not engine.refuses_cores(error):
                raise
            log = RunLog(request.run_dir / "run.log", request.secrets)
            log.note(f"the engine refuses to bind the container to dedicated cores ({engine.summary(error)}); it runs without")
            return self._start(replace(request, cpu_ids=()), image)

    def _start(self, request: RunRequest, image: images.Image) -> DockerHandle:
        folder = HostFolder.make()
        created = None
        log = RunLog(request.run_dir / "run.log", request.secrets)
        try:
            request.run_dir.mkdir(parents=True, exist_ok=True)
            left_overs.mark(folder, self._traits)
            folder.description.write_text(request.description, encoding="utf-8")
            log.note(f"starting {request.agent.id} in {image.reference} ({image.id}), network {request.profile.network}")
            if missing := self._traits.holds_no:
                log.note(f"the engine ({self._traits.words}) does not enforce limits on {alternatives(missing)}")
            models = None if request.models is None else Endpoint(CONTAINER_URL, new_token(folder.token))
            with network.joined(self._client, "open" if request.profile.network == "open" else "none", self._traits) as net:
                options = container.options(request, image.id, folder, net, log.size, models)
                created = self._client.containers.create(**options)
            created.put_archive("/home", container.files(request))
            handle = DockerHandle(self._client, created, request, folder, log, self._traits, image)
            handle.begin(models)
            return handle
        except BaseException:
            if created is not None:
                _discard(created)
            network.release(self._client)
            shutil.rmtree(folder.path, ignore_errors=True)
            raise

    def _check_gpus(self, request: RunRequest) -> None:
        """Check the container's GPUs, as some engines start a container without the requested ones."""
        if request.gpu_ids and not engine.has_gpu_runtime(self._client.info()):
            gpus = ", ".join(request.gpu_ids)
            raise StartFailed(
                "gpu-unavailable", f"the engine cannot give GPU {gpus} to a container; run `mlebench doctor` to check the GPUs"
            )

    def _remove_earlier(self, request: RunRequest) -> None:
        """Remove containers of earlier, abandoned attempts at this run. Two must never run at the same time."""
        from docker.errors import APIError

        for earlier in self._containers_of(request):
            try:
                earlier.remove(v=True, force=True)
            except APIError as error:
                # already gone, or being removed
                if error.status_code not in (404, 409):
                    raise
            shutil.rmtree(earlier.labels[FOLDER_LABEL], ignore_errors=True)

    def _containers_of(self, request: RunRequest) -> list[Any]:
        return self._containers_in(request.run_dir)

    def _containers_in(self, run_dir: Path) -> list[Any]:
        label = f"{RUN_LABEL}={container.run_label(run_dir)}"
        return list(self._client.containers.list(all=True, ignore_removed=True, filters={"label": label}))


def _not_enforced(engine_traits: Traits, profile: Profile) -> list[str]:
    """The problem of limits that are not enforced: such agents harm each other and the machine, and results are not
    comparable."""
    if profile.limits == "best-effort" or not (missing := engine_traits.holds_no):
        return []
    return [
        f"the engine ({engine_traits.words}) does not enforce limits on {alternatives(missing)}; {engine_traits.way_to_limits}, "
        "or run without them using `--profile-set limits=best-effort`"
    ]


def _shortages(info: dict[str, Any], profile: Profile) -> list[str]:
    found = []
    if profile.cpus > (cpus := info.get("NCPU", 0)):
        found.append(
            f"profile {profile.name} gives each run {profile.cpus:g} CPUs but the engine has {cpus}; "
            f"choose another with `--profile`, or set `--profile-set cpus={cpus}`"
        )
    if profile.memory > (memory := info.get("MemTotal", 0)):
        found.append(
            f"profile {profile.name} gives each run {show_size(profile.memory)} but the engine has {show_size(memory)}; "
            "choose another with `--profile`, or set `--profile-set memory=SIZE`"
        )
    if profile.gpus and not engine.has_gpu_runtime(info):
        found.append(
            f"profile {profile.name} asks for {counted(profile.gpus, 'GPU')} but the engine cannot give any to a container; "
            "install the NVIDIA Container Toolkit (`mlebench doctor` checks it), or set `--profile-set gpus=0`"
        )
    return found


def _start_failed(error: Exception, request: RunRequest, engine_traits: Traits) -> StartFailed:
    text = Mask(request.secrets).apply_to_text(engine.summary(error))
    if engine.is_outage(error):
        if isinstance(error, OSError) and error.filename:
            return StartFailed("start-failed", f"{error.filename}: {error.strerror}")
        said = f"the container engine does not answer ({text}); run `mlebench doctor` to examine it"
        return StartFailed("engine-unreachable", said)
    return _refused(text, request, engine_traits)


def _refused(text: str, request: RunRequest, engine_traits: Traits) -> StartFailed:
    """The meaning of an engine's refusal."""
    lower = text.lower()
    if "could not select device driver" in lower or "nvidia" in lower or "cdi" in lower.split():
        gpus = ", ".join(request.gpu_ids)
        return StartFailed(
            "gpu-unavailable",
            f"the engine cannot give GPU {gpus} to the container ({text}); run `mlebench doctor` to check the GPUs",
        )
    if "no such image" in lower:
        return StartFailed(
            "image-missing", f"the image is gone ({text}); build it with {command('agents', 'build', request.agent.address)}"
        )
    if "no space left" in lower:
        said = f"the engine's disk is full; make room, for example with `{engine_traits.name} system prune`"
        return StartFailed("host-disk-full", said)
    return StartFailed("start-failed", f"the engine refused to start the container: {text}")


def _discard(found: Any) -> None:
    """Remove a container and its folder on the host."""
    with contextlib.suppress(*engine.failures()):
        found.remove(v=True, force=True)
    shutil.rmtree(found.labels[FOLDER_LABEL], ignore_errors=True)
