"""Examines everything that runs need on this machine: engine, limits, bubblewrap, GPUs, disk, credentials, images.

Limits are tried out in a container, not believed: an engine may accept a limit that its kernel does not enforce.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
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
    mend: str | None = None
    """What to do about it."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


IsUnderWay = Callable[[Path, int], bool | None]
"""Whether an attempt of a run's folder is at work, as its record says; None where that is not here."""


def examine(
    data_dir: str | Path | None = None,
    runs_dir: str | Path | None = None,
    is_under_way: IsUnderWay = lambda _run_dir, _attempt: None,
) -> Iterator[Finding]:
    """Examine this machine, one finding after the other.

    Args:
        data_dir: where data lies; see `paths.data_dir`.
        runs_dir: where runs lie; see `paths.runs_dir`.
        is_under_way: tells runs in progress from attempts that were given up and still work.
    """
    try:
        client = engine.connect()
    except EngineUnreachable as error:
        yield Finding("engine", "problem", "none answers", str(error))
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
        yield Finding("engine", "problem", "it answers no more", str(error))
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
    mend = "its images are its own; those of another engine or user are built anew, or copied: `docker save IMAGE | podman load`"
    return Finding("engine", "ok", what, mend)


def _limits(client: Any, traits: Traits) -> Finding:
    version, missing = f"cgroup v{traits.cgroup_version}", traits.not_enforced
    if traits.holds_no:
        mend = (
            f"{traits.way_to_limits}; until then runs start with `--profile-set limits=best-effort` alone, can harm each other, "
            "and compare with no others"
        )
        return Finding("limits", "problem", f"{version}; not effective: {', '.join(missing)}", mend)
    image = images.find(client, images.base_recipe("light", client=client))
    if image is None:
        return Finding("limits", "warning", f"{version}, not tried out without a base image", "`mlebench images build`")
    try:
        found = _try_out(client, image)
    except (MlebenchError, ValueError) as error:
        return Finding("limits", "problem", f"{version}, trying them out failed: {error}", "look at the engine's log")
    without = [name for name, effective in found.items() if not effective]
    if without:
        mend = f"the engine accepts limits on {', '.join(without)} that the kernel does not enforce; repair its cgroups"
        return Finding("limits", "problem", f"{version}; not effective: {', '.join(without)}", mend)
    what = f"{version}; {', '.join(found)} tried out and effective"
    if missing:
        return Finding(
            "limits", "warning", f"{what}; not effective: swap", "boot the kernel with `swapaccount=1`, or without swap"
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
        mend = "start the engine with its default seccomp profile; without it containers may use every system call"
        return Finding("confinement", "problem", f"no seccomp ({', '.join(options) or 'nothing'})", mend)
    return Finding("confinement", "ok", ", ".join(options))


def _images(client: Any) -> Iterator[Finding]:
    # a stage is needed while an agent's image is built, and not after that
    standings = [each for each in list_all(client) if not each.purpose.startswith("stage ")]
    for state, words in IN_WORDS.items():
        tags = [each.recipe.tag for each in standings if each.state == state]
        what = f"{words}: {', '.join(tags)}"
        if tags and state == "current":
            yield Finding("images", "ok", what)
        elif tags:
            mend = "built by the next run that needs them, or now: `mlebench images build`, `mlebench agents build NAME`"
            yield Finding("images", "warning", what, mend)


def _apptainer() -> Iterator[Finding]:
    """Where it is there: what the site allows, tried out in an image."""
    from mlebench.sandbox.apptainer import sif
    from mlebench.sandbox.apptainer.abilities import try_out
    from mlebench.sandbox.apptainer.program import find_program, is_there

    if not is_there():
        return
    try:
        program = find_program()
    except UsageError as error:
        yield Finding("Apptainer", "warning", "does not serve", str(error))
        return
    name, image = f"{program.name} {program.version}", sif.any_image()
    if image is None:
        mend = "`mlebench images export DIR AGENT` on a machine with Docker, and MLEBENCH_IMAGES_DIR here, or a first run"
        yield Finding("Apptainer", "warning", f"{name}, not tried out without an image", mend)
        return
    found = try_out(program, image)
    limits = "cgroups" if found.sets_limits else "a watchdog"
    if not found.runs:
        yield Finding("Apptainer", "warning", f"{name} runs nothing", f"it says: {found.fault}; ask the site for user namespaces")
    elif found.private_network is None:
        mend = f"only `--network open` works ({found.fault}); ask the site to allow `--network none` or user namespaces"
        yield Finding("Apptainer", "warning", f"{name} gives runs no network of their own; limits by {limits}", mend)
    else:
        how = "--net" if found.private_network == "option" else "a user namespace"
        yield Finding("Apptainer", "ok", f"{name}; networks of their own by {how}, limits by {limits}; tried out")


def _left_over(client: Any, traits: Traits, is_under_way: IsUnderWay) -> Iterator[Finding]:
    found = client.containers.list(all=True, ignore_removed=True, filters={"label": FOLDER_LABEL})
    ended = [each.name for each in found if each.status != "running"]
    working = [each for each in found if each.status == "running"]
    given_up = [each.name for each in working if _is_under_way(each, is_under_way) is False]
    if in_progress := len(working) - len(given_up):
        mend = "`mlebench run --resume GROUP` continues runs whose harness is gone"
        yield Finding("containers", "ok", f"{in_progress} runs in progress", mend)
    if given_up:
        what = f"{len(given_up)} at work whose run has ended, or was begun anew elsewhere"
        yield Finding("containers", "warning", what, f"`{traits.name} rm -f -v {' '.join(given_up)}` ends them")
    if ended:
        command = f"`{traits.name} rm -v {' '.join(ended)}`"
        mend = f"kept on request, or left by a harness that was killed: `--resume` its group, or {command}"
        yield Finding("containers", "warning", f"{len(ended)} ended and not removed", mend)


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
        mend = "install the NVIDIA Container Toolkit and restart the engine: `nvidia-ctk runtime configure --runtime=docker`"
        return Finding("GPUs", "problem", f"{what}, but the engine cannot hand them to containers", mend)
    return Finding("GPUs", "ok", f"{what}, handed to containers by id")


def _bubblewrap() -> Finding:
    """The sandbox that needs no engine: whether it works, what it can limit, and how it opens a network."""
    program = find_program()
    if isinstance(program, str):
        what, _, mend = program.partition("; ")
        return Finding("bubblewrap", "warning", f"{what}, so `--sandbox local` isolates nothing", mend)
    what = f"bwrap {program.release} works; of a run, {limits_words()}"
    if not program.closes_namespaces:
        mend = "version 0.8 or later also refuses new namespaces of users and limits `/dev/shm` by itself"
        return Finding("bubblewrap", "warning", f"{what}; its filter alone refuses further namespaces", mend)
    if network.problem() is not None:
        mend = "`apt-get install slirp4netns` adds it; until then `--sandbox local` isolates nothing where a network is open"
        return Finding("bubblewrap", "warning", f"{what}; it can open no network", mend)
    return Finding("bubblewrap", "ok", f"{what}; open networks by slirp4netns")


def _no_gpus() -> Finding:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and find_gpus():
        mend = "unset it, or name GPUs in it that `nvidia-smi --list-gpus` lists"
        return Finding("GPUs", "warning", f"CUDA_VISIBLE_DEVICES is `{visible}`, which leaves none of this machine's", mend)
    if Path("/proc/driver/nvidia").exists():
        mend = "install the driver's tools, or repair the driver, until `nvidia-smi --list-gpus` lists the GPUs"
        return Finding("GPUs", "problem", "a driver, but `nvidia-smi` lists no GPU", mend)
    return Finding("GPUs", "ok", "none on this machine; profiles that ask for one cannot run here")


def _disk(name: str, folder: Path) -> Finding:
    free = free_space(folder)
    what = f"{show_size(free)} free at {folder}"
    if free < _LITTLE_DISK:
        return Finding(
            name, "problem", what, "make room, or choose another place with `--data-dir`, `--runs-dir` or the engine's settings"
        )
    if free < _ENOUGH_DISK:
        return Finding(name, "warning", what, "enough for small competitions; the whole benchmark needs several terabytes")
    return Finding(name, "ok", what)


def _kaggle() -> Finding:
    from mlebench.kaggle.credentials import HOW_TO, find_credentials

    try:
        return Finding("Kaggle", "ok", f"credentials in {find_credentials().source}")
    except UsageError as error:
        return Finding("Kaggle", "warning", str(error).removesuffix(f"; {HOW_TO}"), f"for downloads, {HOW_TO}")


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
        return Finding("model keys", state, what, "for runs that need them: `export NAME=…`, or a line of `.env`")
    return Finding("model keys", "ok", f"set: {', '.join(there)}" if there else "no run needs any")
