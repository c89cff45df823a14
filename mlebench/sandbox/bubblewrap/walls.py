"""Walls of bubblewrap: an agent has separate users, processes, devices and network, and sees only what it needs to run."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlebench._support.paths import content_dir, socket_dir
from mlebench.agents import AgentSpec
from mlebench.errors import StartFailed
from mlebench.profiles import Profile
from mlebench.sandbox.base import OUTPUT_FOLDERS, SandboxName
from mlebench.sandbox.bubblewrap import network, system
from mlebench.sandbox.bubblewrap.gpus import device_files
from mlebench.sandbox.bubblewrap.program import Program, find_program, namespaces
from mlebench.sandbox.bubblewrap.seccomp import filter_for
from mlebench.sandbox.local.cgroups import divisible
from mlebench.sandbox.local.walls import Laid, Launch, problems_without_images

_USER = "1000"
_ENTRYPOINT = "/opt/mlebench/entrypoint.py"
_SOCKETS = "/run/mlebench"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_HIDDEN = tuple(
    f"/proc/{name}"
    for name in (
        "iomem", "kallsyms", "kcore", "keys", "kmsg", "kpagecgroup", "kpagecount", "kpageflags", "latency_stats", "sched_debug",
        "slabinfo", "timer_list", "vmallocinfo",
    )
)  # fmt: skip
_OWN_COUNT = (5, 14)
"""First Linux version that counts a user's processes separately in each user namespace."""
_DATA_PER_MEMORY = 2
"""Limit of a process's address space as a multiple of its memory, which bounds its growth between two checks."""
_NOTICE = "bubblewrap sandbox: the agent's files, processes and network are isolated; "


def limits_words() -> str:
    """How a run's limits are enforced on this machine."""
    if divisible() is None:
        return "its memory, processes and disk are watched, not limited by the kernel"
    return "its memory and processes are limited by the kernel, its disk is watched"


class BubblewrapWalls:
    """Separate namespaces, a read-only system, no capabilities, a system call filter."""

    name: SandboxName = "bubblewrap"
    is_private = True

    @property
    def notice(self) -> str:
        """What they isolate, and how limits are enforced."""
        return _NOTICE + limits_words()

    def problems(self, agents: list[AgentSpec], profile: Profile) -> list[str]:
        """What prevents these agents from starting here."""
        found = []
        program = find_program()
        if isinstance(program, str):
            found.append(f"{program}; or use `--sandbox docker` or `--sandbox plain`")
        if profile.network == "open" and (problem := network.problem()) is not None:
            found.append(problem)
        return found + problems_without_images(agents)

    def unbuilt(self, agents: list[AgentSpec]) -> list[str]:
        """Nothing is built."""
        return []

    def describe(self, agents: list[AgentSpec]) -> dict[str, Any]:
        """The program's version, the interpreter that agents find as `python`, and what is isolated."""
        program = find_program()
        return {
            "engine": "bubblewrap",
            "version": None if isinstance(program, str) else program.release,
            "python": sys.version.split()[0],
            "isolates": ["files", "processes", "devices", "network", "system calls"],
            "limits": "watched" if divisible() is None else "held",
            "images": {},
        }

    def launch(self, laid: Laid, arguments: Sequence[str], environment: Mapping[str, str]) -> Launch:
        """The bwrap command, which reads its arguments and the system call filter from descriptors.

        Raises:
            StartFailed: bwrap is missing or does not work, or a GPU is gone.
        """
        program = find_program()
        if isinstance(program, str):
            raise StartFailed("start-failed", program)
        inputs: list[bytes] = []

        def descriptor(content: bytes) -> str:
            inputs.append(content)
            # the first descriptor carries these arguments themselves
            return str(3 + len(inputs))

        words = [*_words(laid, program, descriptor)]
        command = [program.path, "--args", "3", "--", *_inner_command(laid, arguments)]
        if laid.request.profile.network == "open":
            command = network.command(command, 3 + len(inputs) + 1, laid.fault)
        packed = b"".join(os.fsencode(word) + b"\0" for word in words)
        return Launch(command, _environment(environment), [packed, *inputs], outlasts_signals=True, is_watched=True)


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:{_PATH}",
        "HOME": "/home",
        "LANG": "C.UTF-8",
        # only `mlebench_agent`, as in a container
        "PYTHONPATH": "/opt/mlebench/lib",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        **environment,
    }


def _words(laid: Laid, program: Program, descriptor: Any) -> Iterator[str]:
    """All arguments of bwrap."""
    request, profile = laid.request, laid.request.profile
    is_open = profile.network == "open"
    yield from namespaces(program, with_network=is_open)
    yield from ("--uid", _USER, "--gid", _USER, "--hostname", "agent", "--cap-drop", "ALL")
    yield from ("--die-with-parent", "--new-session", "--as-pid-1", "--chdir", "/home")
    yield from system.shown()
    yield from _devices(laid, program)
    for path, text in system.files(network.RESOLVER if is_open else "").items():
        yield from ("--ro-bind-data", descriptor(text.encode()), path)
    yield from ("--bind", str(laid.scratch), "/tmp", "--dir", "/var", "--symlink", "/tmp", "/var/tmp")
    yield from ("--dir", "/run", "--symlink", "/run", "/var/run")
    runtime = content_dir("containers") / "runtime"
    yield from ("--ro-bind", str(runtime / "entrypoint.py"), _ENTRYPOINT)
    yield from _home(laid)
    # public data may be anywhere, and what surrounds it must stay hidden
    data = request.public_dir.resolve()
    hidden = [data.parent, request.run_dir.parent.parent, request.run_dir.resolve().parent.parent, socket_dir()]
    yield from system.shown_python(hidden)
    if (socket := laid.checker_socket or laid.models_socket) is not None:
        yield from ("--ro-bind", str(socket.parent), _SOCKETS)
    yield from ("--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/")
    if (refused := filter_for()) is not None:
        yield from ("--seccomp", descriptor(refused))


def _devices(laid: Laid, program: Program) -> Iterator[str]:
    request = laid.request
    yield from ("--proc", "/proc", "--dev", "/dev")
    for path in _HIDDEN:
        if Path(path).exists():
            yield from ("--ro-bind", "/dev/null", path)
    size = ["--size", str(request.profile.shm)] if program.limits_sizes else []
    yield from ("--perms", "1777", *size, "--tmpfs", "/dev/shm")
    try:
        devices = device_files(request.gpu_ids)
    except KeyError as error:
        raise StartFailed("gpu-unavailable", f"there is no GPU {error} here; `mlebench doctor` checks the GPUs") from None
    for device in devices:
        yield from ("--dev-bind", str(device), str(device))
    if devices:
        # where CUDA and NCCL look up GPU topology
        for folder in ("/sys/bus/pci", *(str(path) for path in Path("/sys/devices").glob("pci*"))):
            yield from ("--ro-bind-try", folder, folder)


def _home(laid: Laid) -> Iterator[str]:
    request = laid.request
    yield from ("--bind", str(laid.home), "/home")
    yield from ("--ro-bind", str(laid.home / ".lib"), "/opt/mlebench/lib")
    data = request.public_dir.resolve()
    if (data / "description.md").exists():
        yield from ("--ro-bind", str(data), "/home/data")
    else:
        # a file cannot be mounted into a read-only folder without a file of that name
        yield from ("--perms", "0555", "--tmpfs", "/home/data")
        for entry in sorted(data.iterdir()):
            yield from ("--ro-bind", str(entry), f"/home/data/{entry.name}")
    yield from ("--ro-bind", str(laid.description), "/home/data/description.md")
    if not (data / "description.md").exists():
        yield from ("--remount-ro", "/home/data")
    for name in OUTPUT_FOLDERS:
        yield from ("--bind", str(laid.outputs / name), f"/home/{name}")


def _inner_command(laid: Laid, arguments: Sequence[str]) -> list[str]:
    profile = laid.request.profile
    counts_apart = tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2]) >= _OWN_COUNT
    limits = [str(profile.pids if counts_apart else 0), str(_DATA_PER_MEMORY * profile.memory)]
    start = f"/home/agent/{laid.request.agent.start}"
    return [sys.executable, "-I", "-S", _ENTRYPOINT, *limits, start, *arguments]
