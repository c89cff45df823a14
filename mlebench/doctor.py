"""Checks everything that runs need on this machine: engine, limits, bubblewrap, GPUs, disks, credentials, images.

Limits are tested in a container, because an engine may accept a limit that its kernel does not enforce.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlebench._support import paths
from mlebench._support.folders import free_space
from mlebench._support.machine import find_gpus, usable_gpus
from mlebench._support.quantities import show_size
from mlebench._support.secrets import find_secrets
from mlebench.agents import list_variants
from mlebench.errors import EngineUnreachable, MlebenchError, UsageError
from mlebench.gateway.catalogue import read_catalogue
from mlebench.sandbox.bubblewrap import network
from mlebench.sandbox.bubblewrap.program import find_program
from mlebench.sandbox.bubblewrap.walls import limits_words
from mlebench.sandbox.docker import engine, images
from mlebench.sandbox.docker.container import FOLDER_LABEL, RUN_LABEL
from mlebench.sandbox.docker.listing import IN_WORDS, list_all
from mlebench.sandbox.docker.traits import Traits, describe

State = Literal["ok", "warning", "problem"]

_LITTLE_DISK, _ENOUGH_DISK = 10 * 2**30, 100 * 2**30
_PROBE_SECONDS = 60
_TRY_OUT = """
import json, os, subprocess, sys, time
eat = "x = bytearray(256 * 2**20)\\nfor i in range(0, len(x), 4096): x[i] = 1"
memory = subprocess.run([sys.executable, "-c", eat], stderr=subprocess.DEVNULL).returncode != 0
wall, cpu = time.time(), time.process_time()
while time.time() - wall < 1.5: pass
share = (time.process_time() - cpu) / (time.time() - wall)
children = []
try:
    while len(children) < 200:
        pid = os.fork()
        if pid == 0:
            time.sleep(30)
            os._exit(0)
        children.append(pid)
except OSError:
    pass
print(json.dumps({"memory": memory, "CPU": share < 0.8, "processes": len(children) < 200}))
"""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's table."""

    name: str
    state: State
    what: str
    """What was found."""
    fix: str | None = None
    """How to fix it, or what else to know."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; programs know the fix as `mend`."""
        return {"name": self.name, "state": self.state, "what": self.what, "mend": self.fix}


IsUnderWay = Callable[[Path, int], bool | None]
"""Whether an attempt at a run is running, as the record in its folder says; None if the folder is not on this machine."""


def examine(
    data_dir: str | Path | None = None,
    runs_dir: str | Path | None = None,
    is_under_way: IsUnderWay = lambda _run_dir, _attempt: None,
) -> Iterator[Finding]:
    """Check this machine, one finding after the other.

    Args:
        data_dir: the data directory; see `paths.data_dir`.
        runs_dir: the folder of run groups; see `paths.runs_dir`.
        is_under_way: distinguishes runs in progress from containers of abandoned attempts.
    """
    try:
        client = engine.connect()
    except EngineUnreachable as error:
        yield Finding("engine", "problem", "not reachable", str(error))
        client = None
    if client is not None:
        yield from _examine_engine(client, is_under_way)
    yield _bubblewrap()
    yield from _apptainer()
    yield _gpus(client)
    yield _disk("data disk", paths.data_dir(data_dir))
    yield _disk("runs disk", paths.runs_dir(runs_dir))
    yield _kaggle()
    yield _model_keys()


def _examine_engine(client: Any, is_under_way: IsUnderWay) -> Iterator[Finding]:
    info = client.info()
    try:
        traits = Traits.of(client)
    except EngineUnreachable as error:
        yield Finding("engine", "problem", "stopped answering", str(error))
        return
    yield _engine(client, traits)
    yield _limits(client, traits)
    yield _confinement(info)
    root = Path(info.get("DockerRootDir") or "/")
    if root.is_dir():
        yield _disk("engine disk", root)
    yield from _images(client)
    yield from _left_over(client, traits, is_under_way)


def _engine(client: Any, traits: Traits) -> Finding:
    about = describe(client, traits)
    what = f"{'rootless ' if traits.is_rootless else ''}{about['engine']} {about['version']}, API {about['api_version']}"
    if not (traits.is_rootless or traits.name == "podman"):
        return Finding("engine", "ok", what)
    fix = "it has its own images; copy those of another engine with `docker save IMAGE | podman load`, or rebuild them"
    return Finding("engine", "ok", what, fix)


def _limits(client: Any, traits: Traits) -> Finding:
    version, missing = f"cgroup v{traits.cgroup_version}", traits.not_enforced
    if traits.holds_no:
        fix = (
            f"{traits.way_to_limits}; until then, runs only start with `--profile-set limits=best-effort`, "
            "can disturb each other, and do not compare with other runs"
        )
        return Finding("limits", "problem", f"{version}; not enforced: {', '.join(missing)}", fix)
    image = images.find(client, images.base_recipe("light", client=client))
    if image is None:
        return Finding("limits", "warning", f"{version}; not tested, as there is no base image", "run `mlebench images build`")
    try:
        found = _try_out(client, image)
    except (MlebenchError, ValueError) as error:
        return Finding("limits", "problem", f"{version}; the test failed: {error}", "check the log of the engine")
    without = [name for name, effective in found.items() if not effective]
    if without:
        fix = f"the kernel does not enforce limits on {', '.join(without)}; enable the cgroup controllers"
        return Finding("limits", "problem", f"{version}; not enforced: {', '.join(without)}", fix)
    what = f"{version}; {', '.join(found)} tested and enforced"
    if missing:
        return Finding(
            "limits", "warning", f"{what}; not enforced: swap", "boot the kernel with `swapaccount=1`, or turn swap off"
        )
    return Finding("limits", "ok", what)


def _try_out(client: Any, image: images.Image) -> dict[str, bool]:
    from docker.errors import DockerException

    try:
        output = client.containers.run(
            image.id,
            entrypoint=["python", "-c", _TRY_OUT],
            command=[],
            remove=True,
            labels={engine.LABEL: "doctor"},
            network_mode="none",
            mem_limit="64m",
            memswap_limit="64m",
            nano_cpus=500_000_000,
            pids_limit=50,
            cap_drop=["ALL"],
        )
    except (DockerException, OSError) as error:
        raise MlebenchError(engine.summary(error)) from None
    return {name: bool(effective) for name, effective in json.loads(output.decode().strip().splitlines()[-1]).items()}


def _confinement(info: dict[str, Any]) -> Finding:
    options = [text.partition(",")[0].removeprefix("name=") for text in info.get("SecurityOptions") or []]
    if "seccomp" not in options:
        fix = "start the engine with its default seccomp profile; without it, containers can use every system call"
        return Finding("confinement", "problem", f"no seccomp ({', '.join(options) or 'nothing'})", fix)
    return Finding("confinement", "ok", ", ".join(options))


def _images(client: Any) -> Iterator[Finding]:
    # a stage is only needed while the image of an agent is built
    standings = [each for each in list_all(client) if not each.purpose.startswith("stage ")]
    for state, words in IN_WORDS.items():
        tags = [each.recipe.tag for each in standings if each.state == state]
        what = f"{words}: {', '.join(tags)}"
        if tags and state == "current":
            yield Finding("images", "ok", what)
        elif tags:
            fix = "the next run that needs them builds them, or run `mlebench images build` or `mlebench agents build NAME`"
            yield Finding("images", "warning", what, fix)


def _apptainer() -> Iterator[Finding]:
    """If installed: what the site allows, tested in an image."""
    from mlebench.sandbox.apptainer import sif
    from mlebench.sandbox.apptainer.abilities import try_out
    from mlebench.sandbox.apptainer.program import find_program, is_there

    if not is_there():
        return
    try:
        program = find_program()
    except UsageError as error:
        yield Finding("Apptainer", "warning", "not usable", str(error))
        return
    name, image = f"{program.name} {program.version}", sif.any_image()
    if image is None:
        fix = "run `mlebench images export DIR AGENT` on a machine with Docker and set MLEBENCH_IMAGES_DIR here, or start a run"
        yield Finding("Apptainer", "warning", f"{name}; not tested, as there is no image", fix)
        return
    found = try_out(program, image)
    limits = "cgroups" if found.sets_limits else "a watchdog"
    if not found.runs:
        yield Finding(
            "Apptainer",
            "warning",
            f"{name} cannot run containers",
            f"{found.fault}; ask the administrator to allow user namespaces",
        )
    elif found.private_network is None:
        fix = f"only `--network open` works ({found.fault}); ask the administrator to allow `--network none` or user namespaces"
        yield Finding("Apptainer", "warning", f"{name} cannot isolate the network; limits by {limits}", fix)
    else:
        how = "--net" if found.private_network == "option" else "a user namespace"
        yield Finding("Apptainer", "ok", f"{name}; isolates networks by {how}, limits by {limits}; tested")


def _left_over(client: Any, traits: Traits, is_under_way: IsUnderWay) -> Iterator[Finding]:
    found = client.containers.list(all=True, ignore_removed=True, filters={"label": FOLDER_LABEL})
    ended = [each.name for each in found if each.status != "running"]
    working = [each for each in found if each.status == "running"]
    given_up = [each.name for each in working if _is_under_way(each, is_under_way) is False]
    if in_progress := len(working) - len(given_up):
        fix = "to continue runs whose harness has died, run `mlebench run --resume GROUP`"
        yield Finding("containers", "ok", f"{in_progress} {'run' if in_progress == 1 else 'runs'} in progress", fix)
    if given_up:
        what = f"{len(given_up)} still running although the run has ended, or was restarted elsewhere"
        yield Finding("containers", "warning", what, f"remove them with `{traits.name} rm -f -v {' '.join(given_up)}`")
    if ended:
        command = f"`{traits.name} rm -v {' '.join(ended)}`"
        fix = f"kept on request, or left by a killed harness; resume the group, or remove them with {command}"
        yield Finding("containers", "warning", f"{len(ended)} exited, not removed", fix)


def _is_under_way(container: Any, is_under_way: IsUnderWay) -> bool | None:
    folder, attempt = container.labels.get(RUN_LABEL), container.labels.get(engine.LABEL, "").rpartition(".")[2]
    return is_under_way(Path(folder), int(attempt)) if folder and attempt.isdecimal() else None


def _gpus(client: Any) -> Finding:
    gpus = usable_gpus()
    if not gpus:
        return _no_gpus()
    what = f"{len(gpus)} × {gpus[0].name}"
    if client is None:
        return Finding("GPUs", "ok", what)
    if not engine.has_gpu_runtime(client.info()):
        fix = "install the NVIDIA Container Toolkit, run `nvidia-ctk runtime configure --runtime=docker`, and restart the engine"
        return Finding("GPUs", "problem", f"{what}, but the engine cannot pass them to containers", fix)
    return Finding("GPUs", "ok", f"{what}, passed to containers by id")


def _bubblewrap() -> Finding:
    """The sandbox without an engine: whether it works, what it limits, and how it opens a network."""
    program = find_program()
    if isinstance(program, str):
        what, _, fix = program.partition("; ")
        return Finding("bubblewrap", "warning", f"{what}, so `--sandbox local` isolates nothing", fix)
    what = f"bwrap {program.release} works; {limits_words()}"
    if not program.closes_namespaces:
        fix = "install version 0.8 or later, which blocks new user namespaces and limits `/dev/shm`"
        return Finding("bubblewrap", "warning", f"{what}; only its filter blocks new namespaces", fix)
    if network.problem() is not None:
        fix = "run `apt-get install slirp4netns`; until then, `--sandbox local` isolates nothing if the network is open"
        return Finding("bubblewrap", "warning", f"{what}; it cannot open a network", fix)
    return Finding("bubblewrap", "ok", f"{what}; opens networks with slirp4netns")


def _no_gpus() -> Finding:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and find_gpus():
        fix = "unset it, or set it to GPUs that `nvidia-smi --list-gpus` lists"
        return Finding("GPUs", "warning", f"CUDA_VISIBLE_DEVICES is `{visible}`, which matches no GPU of this machine", fix)
    if Path("/proc/driver/nvidia").exists():
        fix = "install or repair the NVIDIA driver so that `nvidia-smi --list-gpus` lists the GPUs"
        return Finding("GPUs", "problem", "driver found, but `nvidia-smi` lists no GPU", fix)
    return Finding("GPUs", "ok", "none; profiles that require one cannot run here")


def _disk(name: str, folder: Path) -> Finding:
    free = free_space(folder)
    what = f"{show_size(free)} free at {folder}"
    if free < _LITTLE_DISK:
        return Finding(
            name,
            "problem",
            what,
            "free disk space, or choose another disk with `--data-dir`, `--runs-dir` or the settings of the engine",
        )
    if free < _ENOUGH_DISK:
        return Finding(name, "warning", what, "enough for small competitions; the full benchmark needs several terabytes")
    return Finding(name, "ok", what)


def _kaggle() -> Finding:
    from mlebench.kaggle.credentials import find_credentials

    try:
        return Finding("Kaggle", "ok", f"credentials in {find_credentials().source}")
    except UsageError as error:
        what, _, fix = str(error).partition("; ")
        return Finding("Kaggle", "warning", what, f"for downloads, {fix}")


def _model_keys() -> Finding:
    try:
        keys = {model.key for model in read_catalogue().models.values() if model.key is not None}
        names = sorted(keys.union(*(agent.secret_names for agent in list_variants())))
        there = sorted(find_secrets(names))
    except UsageError as error:
        return Finding("model keys", "problem", *str(error).split("; ", 1))
    missing = [name for name in names if name not in there]
    if missing:
        state: State = "ok" if there else "warning"
        what = f"set: {', '.join(there) or 'none'}; not set: {', '.join(missing)}"
        return Finding("model keys", state, what, "if a run needs one, run `export NAME=…` or add it to `.env`")
    return Finding("model keys", "ok", f"set: {', '.join(there)}" if there else "none needed")
